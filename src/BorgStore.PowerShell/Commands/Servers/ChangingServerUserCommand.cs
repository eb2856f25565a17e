using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Security;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Base class of the cmdlets that add or change users of a server.</summary>
public abstract class ChangingServerUserCommand : ServerUserCommand
{
    private protected const string ByPassword = "Password";
    private protected const string ByCredential = "Credential";

    [Parameter(Mandatory = true, ParameterSetName = ByCredential, HelpMessage = "The user name and the new password.")]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, HelpMessage = "Patterns of names of stores, such as photos, mail-* or * for all.")]
    public string[]? Store { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [StorePermissionTransformation]
    [ArgumentCompleter(typeof(StorePermissionCompleter))]
    public string? Permission { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, HelpMessage = "The maximum size in bytes of each store that -Store matches, whoever uses it.")]
    [EmptyTransformation(NoQuota)]
    [ValidateRange(NoQuota, long.MaxValue)]
    public long Quota { get; set; } = NoQuota;

    [Parameter(HelpMessage = "When the token expires.")]
    [EmptyTransformation]
    public DateTimeOffset Expires { get; set; }

    [Parameter(HelpMessage = "After which time the token expires, such as 90d.")]
    [TimeTransformation]
    public TimeSpan ExpiresAfter { get; set; }

    private protected const long NoQuota = -1;

    /// <summary>Returns the options for rights.</summary>
    private protected IEnumerable<string> GetRightsOptions()
    {
        var stores = Split(Store);
        if (stores.Count == 0 && (!string.IsNullOrEmpty(Permission) || Quota != NoQuota))
            throw new StoreException(StoreError.InvalidArgument, $"{(Quota == NoQuota ? "-Permission applies" : "-Permission and -Quota apply")} to stores. Specify their names with -Store, such as photos, mail-* or * for all.");
        if (stores.Count > 0 && string.IsNullOrEmpty(Permission) && Quota == NoQuota)
            throw new StoreException(StoreError.InvalidArgument, "Specify with -Permission what is allowed in the stores, such as all, no-delete or read-only.");
        return
        [
            .. stores.Where(_ => !string.IsNullOrEmpty(Permission)).SelectMany(store => new[] { "--stores", $"{store}={Permission}" }),
            .. stores.Where(_ => Quota != NoQuota).SelectMany(store => new[] { "--quota", $"{store}={Quota.ToString(CultureInfo.InvariantCulture)}" }),
        ];
    }

    /// <summary>Returns the options for the expiry of a token.</summary>
    private protected IEnumerable<string> GetExpiryOptions()
    {
        if (Expires != default && ExpiresAfter != default) throw new StoreException(StoreError.InvalidArgument, "Specify either -Expires or -ExpiresAfter.");
        if (Expires == default && ExpiresAfter == default) return [];
        var time = Expires == default ? DateTimeOffset.UtcNow + ExpiresAfter : Expires;
        if (time <= DateTimeOffset.UtcNow)
            throw new StoreException(StoreError.InvalidArgument, $"The token would expire at {time.ToString("u", CultureInfo.InvariantCulture)}, which has passed. Specify a later time.");
        return ["--expires", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)];
    }

    /// <summary>Returns the options for groups.</summary>
    private protected static IEnumerable<string> GetGroupOptions(string[]? groups)
        => groups is null ? [] : Split(groups) is { Count: > 0 } names ? names.SelectMany(name => new[] { "--group", name }) : ["--group", ""];

    /// <summary>Returns a password as a line for the server program.</summary>
    private protected static string GetText(SecureString password)
    {
        var text = new NetworkCredential("", password).Password;
        if (text.Length == 0) throw new StoreException(StoreError.InvalidArgument, "The password is empty, so it would not protect anything. Specify another one.");
        if (text.AsSpan().ContainsAny('\r', '\n')) throw new StoreException(StoreError.InvalidArgument, "The password contains a line break. Specify another one.");
        return text;
    }

    // A cell of a CSV file has several in one text. No name contains a comma.
    private protected static IReadOnlyList<string> Split(string[]? texts)
        => [.. (texts ?? []).SelectMany(text => (text ?? "").Split([',', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
