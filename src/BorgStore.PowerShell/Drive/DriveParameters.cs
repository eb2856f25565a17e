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

/// <summary>The parameters of <c>Get-Content</c>.</summary>
public sealed class ReadContentParameters
{
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    [Parameter]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;
}

/// <summary>The parameters of <c>Set-Content</c>.</summary>
public sealed class WriteContentParameters
{
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    [Parameter]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = EncodingTransformationAttribute.Default;
}

/// <summary>The parameter of <c>Remove-Item</c>.</summary>
public sealed class RemoveItemParameters
{
    [Parameter]
    public SwitchParameter Soft { get; set; }
}
