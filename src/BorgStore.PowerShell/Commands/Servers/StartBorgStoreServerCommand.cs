using System.Management.Automation;
using System.Net;
using System.Security;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Server;
using BorgStore.Security;

namespace BorgStore.PowerShell.Commands.Servers;

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

    [Parameter(HelpMessage = "The port to listen on; 0 for any free port.")]
    [ValidateRange(0, ushort.MaxValue)]
    public int Port { get; set; } = DefaultPort;

    [Parameter(HelpMessage = "The user name and password that clients must send.")]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter]
    [PermissionTransformation]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public PermissionMap? Permission { get; set; }

    [Parameter(HelpMessage = "The maximum size of all values together in bytes, such as 4GB.")]
    [ValidateRange(0, long.MaxValue)]
    public long Quota { get; set; }

    [Parameter]
    public Durability Durability { get; set; }

    [Parameter(HelpMessage = "The certificate for https: a PEM or PFX file.")]
    [ValidateNotNullOrEmpty]
    public string? Certificate { get; set; }

    [Parameter(HelpMessage = "The private key of a PEM certificate, if it is in a separate file.")]
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
        WarnIfUnprotected(server);
        WriteObject(server);
    }

    private ServerSettings ReadSettings()
    {
        var credential = Credential?.GetNetworkCredential();
        if (credential is { Password.Length: 0 })
            throw new StoreException(StoreError.InvalidArgument, "The credential has no password, so it would not protect the server. Specify a user name and a password.");
        if (CertificateKey is not null && Certificate is null)
            throw new StoreException(StoreError.InvalidArgument, "-CertificateKey is the private key of a certificate. Specify the certificate with -Certificate.");
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

    private void WarnIfUnprotected(BorgStoreServer server)
    {
        if (System.Uri.TryCreate(server.Uri, UriKind.Absolute, out var url) && url.IsLoopback && !IsWildcard(ListenAddress)) return;
        if (Credential is null)
            WriteWarning($"Anyone who can reach {ListenAddress} can use the store '{server.StoreUri}'. Require a user name and password with -Credential.");
        else if (Certificate is null)
            WriteWarning($"Passwords and values are transferred over {ListenAddress} in clear text. Encrypt them with -Certificate.");
    }

    private static bool IsWildcard(string address)
        => IPAddress.TryParse(address.Trim('[', ']'), out var parsed) && (parsed.Equals(IPAddress.Any) || parsed.Equals(IPAddress.IPv6Any));
}
