using System.Management.Automation;
using System.Net;
using System.Security;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Server;
using BorgStore.Security;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Starts a REST server in front of a store, or of many stores for many users.</summary>
[Cmdlet(VerbsLifecycle.Start, "BorgStoreServer", DefaultParameterSetName = OneStore, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreServer))]
public sealed class StartBorgStoreServerCommand : ServerCommand
{
    private const string OneStore = "Uri";
    private const string ManyStores = "Root";
    private const int DefaultPort = 5618;

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = OneStore)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string Uri { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = ManyStores, HelpMessage = "The folder, or the URL of any storage, that has the stores.")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FolderCompleter))]
    public string Root { get; set; } = "";

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "How many path elements the name of every store has.")]
    [ValidateRange(1, 8)]
    public int Depth { get; set; } = 1;

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "The file with users and passwords, which New-BorgStoreServerUser writes.")]
    [ValidateNotNullOrEmpty]
    public string? UserFile { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "The file with the rights of users.")]
    [ValidateNotNullOrEmpty]
    public string? RightsFile { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "Each user may use the store of the user's own name, or the stores below it, only.")]
    public SwitchParameter PrivateRepositories { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "Nobody may delete or replace values.")]
    public SwitchParameter AppendOnly { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "The PEM file of the authority whose certificates are logins of clients.")]
    [ValidateNotNullOrEmpty]
    public string? ClientAuthority { get; set; }

    [Parameter(ParameterSetName = ManyStores)]
    [ValidateSet("Instead", "Also")]
    public string? ClientCertificate { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "How long a store stays open after its last request.")]
    [TimeTransformation]
    public TimeSpan IdleTimeout { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "The maximum number of stores that are open at a time.")]
    [ValidateRange(1, 1_000_000)]
    public int MaxOpenStores { get; set; }

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

    [Parameter(ParameterSetName = OneStore)]
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

    [Parameter(HelpMessage = "The oldest version of TLS that is accepted.")]
    [ValidateSet("1.2", "1.3")]
    public string? TlsMinVersion { get; set; }

    [Parameter(HelpMessage = "The proxies whose X-Forwarded-For counts: addresses, networks, or unix.")]
    [ValidateNotNullOrEmpty]
    public string[]? TrustedProxy { get; set; }

    [Parameter(ParameterSetName = ManyStores, HelpMessage = "The header by which a trusted proxy names the user whom it has checked, such as X-Forwarded-User.")]
    [ValidateNotNullOrEmpty]
    public string? ProxyUserHeader { get; set; }

    [Parameter(HelpMessage = "The namespaces whose values are named by their hash, and the algorithm, such as data=sha256.")]
    [ValidateNotNullOrEmpty]
    public string[]? ContentHash { get; set; }

    [Parameter(HelpMessage = "Serves metrics at /-/metrics, to administrators and users with the right.")]
    public SwitchParameter Metrics { get; set; }

    [Parameter(HelpMessage = "Adds the user to the metrics of requests.")]
    public SwitchParameter MetricsByUser { get; set; }

    [Parameter(HelpMessage = "The port, or the address and port, at which Prometheus reads metrics.")]
    [ValidateNotNullOrEmpty]
    public string? MetricsListen { get; set; }

    [Parameter(HelpMessage = "The file that gets a line for each request.")]
    [ValidateNotNullOrEmpty]
    public string? AccessLog { get; set; }

    [Parameter(HelpMessage = "The format of the access log: Json, or Combined, which is Apache's.")]
    [ValidateSet("Json", "Combined")]
    public string? AccessLogFormat { get; set; }

    [Parameter(HelpMessage = "The file that gets a line of JSON for each change.")]
    [ValidateNotNullOrEmpty]
    public string? AuditLog { get; set; }

    [Parameter(HelpMessage = "The size in bytes at which a log begins a new file; 0 for never.")]
    [ValidateRange(0, long.MaxValue)]
    public long LogMaxSize { get; set; }

    [Parameter(HelpMessage = "How many old files of a log are kept.")]
    [ValidateRange(0, 1000)]
    public int LogKeep { get; set; }

    [Parameter(HelpMessage = "Shows a page for administrators at /-/.")]
    public SwitchParameter Page { get; set; }

    [Parameter]
    [ValidateSet("Error", "Warning", "Info", "Debug")]
    public string LogLevel { get; set; } = "Info";

    /// <inheritdoc/>
    protected override void End()
    {
        var settings = ReadSettings();
        if (!ShouldProcess(StoreUrl.Redact(settings.StoreUrl), $"Start a server on {ListenAddress}, port {(Port == 0 ? "any that is free" : Port)}")) return;
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
        return new(ParameterSetName == ManyStores ? GetRootUrl() : Uri)
        {
            ListenAddress = ListenAddress,
            Port = Port,
            Credential = credential,
            Permission = Permission,
            Quota = IsBound(nameof(Quota)) ? Quota : null,
            Durability = Durability,
            Certificate = Resolve(Certificate),
            CertificateKey = Resolve(CertificateKey),
            CertificatePassword = CertificatePassword is null ? null : new NetworkCredential("", CertificatePassword).Password,
            LogLevel = LogLevel,
            Root = ParameterSetName == ManyStores ? ReadRootSettings() : null,
            TrustedProxies = TrustedProxy ?? [],
            ContentHashes = ContentHash ?? [],
            TlsMinVersion = TlsMinVersion,
            Metrics = Metrics,
            MetricsByUser = MetricsByUser,
            MetricsListen = MetricsListen,
            AccessLog = Resolve(AccessLog),
            AccessLogFormat = AccessLogFormat,
            AuditLog = Resolve(AuditLog),
            LogMaxSize = IsBound(nameof(LogMaxSize)) ? LogMaxSize : null,
            LogKeep = IsBound(nameof(LogKeep)) ? LogKeep : null,
            Page = Page,
        };
    }

    private RootSettings ReadRootSettings()
    {
        if (IsBound(nameof(IdleTimeout)) && IdleTimeout < TimeSpan.FromSeconds(1))
            throw new StoreException(StoreError.InvalidArgument, "-IdleTimeout must be at least one second.");
        return new()
        {
            Depth = Depth,
            UserFile = Resolve(UserFile),
            RightsFile = Resolve(RightsFile),
            PrivateRepositories = PrivateRepositories,
            AppendOnly = AppendOnly,
            ClientAuthority = Resolve(ClientAuthority),
            ClientCertificate = ClientCertificate,
            ProxyUserHeader = ProxyUserHeader,
            IdleTimeout = IsBound(nameof(IdleTimeout)) ? IdleTimeout : null,
            MaxOpenStores = IsBound(nameof(MaxOpenStores)) ? MaxOpenStores : null,
        };
    }

    // A path of PowerShell may have the form of a URL, such as TestDrive:/stores, but not its scheme.
    private string GetRootUrl()
        => Root.IndexOf(':') is > 1 and var colon && !SessionState.Drive.GetAll().Any(drive => drive.Name.Equals(Root[..colon], StringComparison.OrdinalIgnoreCase)) ? Root : GetUrl(Root);

    private string? Resolve(string? path) => path is null ? null : LocalPath.ResolveAny(this, path);

    private bool IsBound(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    private void WarnIfUnprotected(BorgStoreServer server)
    {
        if (System.Uri.TryCreate(server.Uri, UriKind.Absolute, out var url) && url.IsLoopback && !IsWildcard(ListenAddress)) return;
        if (Credential is null && UserFile is null && RightsFile is null && ClientAuthority is null)
            WriteWarning($"Anyone who can reach {ListenAddress} can use {(ParameterSetName == ManyStores ? "the stores in" : "the store")} '{server.StoreUri}'. Require a user name and password with -Credential{(ParameterSetName == ManyStores ? ", or users with -UserFile" : "")}.");
        else if (Certificate is null)
            WriteWarning($"Passwords and values are transferred over {ListenAddress} in clear text. Encrypt them with -Certificate.");
    }

    private static bool IsWildcard(string address)
        => IPAddress.TryParse(address.Trim('[', ']'), out var parsed) && (parsed.Equals(IPAddress.Any) || parsed.Equals(IPAddress.IPv6Any));
}
