using System.Collections;
using System.Management.Automation;
using System.Text;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.Security;

namespace BorgStore.PowerShell.Drive;

/// <summary>The parameters that <c>New-PSDrive</c> has for a store, like those of <c>Open-BorgStore</c>.</summary>
public sealed class NewDriveParameters
{
    [Parameter]
    [LayoutTransformation]
    public IDictionary? Namespace { get; set; }

    [Parameter]
    [ValidateSet("Borg2")]
    public string? Preset { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string? CacheUri { get; set; }

    [Parameter]
    [PermissionTransformation]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public PermissionMap? Permission { get; set; }

    [Parameter]
    public Durability Durability { get; set; }

    [Parameter]
    [ValidatePattern("^SHA256:[A-Za-z0-9+/]{43}=?$")]
    public string? HostKeyFingerprint { get; set; }

    /// <summary>Whether anything was given.</summary>
    internal bool IsAny => this is not { Namespace: null, Preset: null, CacheUri: null, Permission: null, Durability: default(Durability), HostKeyFingerprint: null };
}

/// <summary>The parameters of <c>Get-Content</c> and <c>Set-Content</c>. They have the names of those for files: a command that is given its paths by the
/// pipeline has the parameters of whichever provider the session is at.</summary>
public abstract class ContentParameters
{
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    [Parameter]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;

    /// <summary>Returns the parameters that a command was given.</summary>
    internal static T From<T>(object? given) where T : ContentParameters, new()
    {
        if (given is T same) return RejectedArgument.Find(same) is { } reason ? throw reason : same;
        var parameters = new T();
        foreach (var property in typeof(T).GetProperties())
            if (given?.GetType().GetProperty(property.Name) is { } other && other.PropertyType == property.PropertyType) property.SetValue(parameters, other.GetValue(given));
        return parameters;
    }
}

/// <summary>The parameters of <c>Get-Content</c>.</summary>
public sealed class ReadContentParameters : ContentParameters
{
    [Parameter]
    public SwitchParameter Raw { get; set; }
}

/// <summary>The parameters of <c>Set-Content</c>.</summary>
public sealed class WriteContentParameters : ContentParameters
{
    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    /// <summary>Returns whether a command has these parameters, those for files included.</summary>
    internal static bool AreOf(object? given) => given?.GetType().GetProperty(nameof(NoNewline)) is not null;
}

/// <summary>The parameter of <c>Remove-Item</c>.</summary>
public sealed class RemoveItemParameters
{
    [Parameter]
    public SwitchParameter Soft { get; set; }
}
