using System.Management.Automation;
using System.Net;
using System.Security;
using BorgStore.Security;

namespace BorgStore.Commands;

/// <summary>Starts a REST server in front of a store.</summary>
[Cmdlet(VerbsLifecycle.Start, "BorgStoreServer", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreServer))]
public sealed class StartBorgStoreServerCommand : ServerCommand
{
    private const int DefaultPort = 5618;

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string Uri { get; set; } = "";

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ListenAddressCompleter))]
    public string ListenAddress { get; set; } = IPAddress.Loopback.ToString();

    [Parameter(HelpMessage = "The port to listen on; 0 for any that is free.")]
    [ValidateRange(0, ushort.MaxValue)]
    public int Port { get; set; } = DefaultPort;

    [Parameter(HelpMessage = "The user and password that clients have to give.")]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter]
    [PermissionTransformation]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public PermissionMap? Permission { get; set; }

    [Parameter(HelpMessage = "The most bytes that all values together may have, such as 4GB.")]
    [ValidateRange(0, long.MaxValue)]
    public long Quota { get; set; }

    [Parameter]
    public Durability Durability { get; set; }

    [Parameter(HelpMessage = "The certificate for https: a PEM or PFX file.")]
    [ValidateNotNullOrEmpty]
    public string? Certificate { get; set; }

    [Parameter(HelpMessage = "The key of a PEM certificate, where it is in a file of its own.")]
    [ValidateNotNullOrEmpty]
    public string? CertificateKey { get; set; }

    [Parameter(HelpMessage = "The password of a PFX file or an encrypted key.")]
    public SecureString? CertificatePassword { get; set; }

    [Parameter]
    [ValidateSet("Error", "Warning", "Info", "Debug")]
    public string LogLevel { get; set; } = "Info";

    /// <inheritdoc/>
    protected override void End()
    {
        var settings = ReadSettings();
        if (!ShouldProcess(StoreUrl.Redact(Uri), $"Start a server on {ListenAddress}, port {(Port == 0 ? "any that is free" : Port)}")) return;
        var server = Session.Servers.Add(settings, Wait(token => ServerProcess.StartAsync(settings, token)));
        WriteLog(server);
        WarnOfStrangers(server);
        WriteObject(server);
    }

    private ServerSettings ReadSettings()
    {
        var credential = Credential?.GetNetworkCredential();
        if (credential is { Password.Length: 0 })
            throw new StoreException(StoreError.InvalidArgument, "The credential has no password, and would keep nobody out.");
        if (CertificateKey is not null && Certificate is null)
            throw new StoreException(StoreError.InvalidArgument, "-CertificateKey is the key of a certificate; give that with -Certificate.");
        return new(Uri)
        {
            ListenAddress = ListenAddress,
            Port = Port,
            Credential = credential,
            Permission = Permission,
            Quota = MyInvocation.BoundParameters.ContainsKey(nameof(Quota)) ? Quota : null,
            Durability = Durability,
            Certificate = Certificate is null ? null : LocalPath.ResolveAny(this, Certificate),
            CertificateKey = CertificateKey is null ? null : LocalPath.ResolveAny(this, CertificateKey),
            CertificatePassword = CertificatePassword is null ? null : new NetworkCredential("", CertificatePassword).Password,
            LogLevel = LogLevel,
        };
    }

    private void WarnOfStrangers(BorgStoreServer server)
    {
        if (System.Uri.TryCreate(server.Uri, UriKind.Absolute, out var url) && url.IsLoopback && !IsWildcard(ListenAddress)) return;
        if (Credential is null)
            WriteWarning($"Everybody who reaches {ListenAddress} may use the store '{server.StoreUri}'. Ask for a user with -Credential.");
        else if (Certificate is null)
            WriteWarning($"Passwords and values pass {ListenAddress} in clear text. Encrypt them with -Certificate.");
    }

    private static bool IsWildcard(string address)
        => IPAddress.TryParse(address.Trim('[', ']'), out var parsed) && (parsed.Equals(IPAddress.Any) || parsed.Equals(IPAddress.IPv6Any));
}
