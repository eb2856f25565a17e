using System.Collections;
using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.Security;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Base class of the cmdlets that create or open a store, with their common parameters.</summary>
public abstract class OpeningCommand : StoreCommand
{
    private protected const string ByUri = "Uri";
    private const string ByPath = "Path";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByUri)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string Uri { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = ByPath, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FolderCompleter))]
    public string? Path { get; set; }

    [Parameter(Position = 1)]
    [LayoutTransformation]
    public IDictionary? Namespace { get; set; }

    [Parameter]
    [ValidateSet("Borg2")]
    public string? Preset { get; set; }

    [Parameter(HelpMessage = "The URL of the cache, for namespaces that specify a cache mode: @{ data = @{ Levels = 2; Cache = 'WriteThrough' } }.")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string? CacheUri { get; set; }

    [Parameter]
    [PermissionTransformation]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public PermissionMap? Permission { get; set; }

    [Parameter(HelpMessage = "The maximum size of all values together in bytes, such as 4GB.")]
    [ValidateRange(0, long.MaxValue)]
    public long Quota { get; set; }

    [Parameter]
    public Durability Durability { get; set; }

    [Parameter]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter(HelpMessage = "The only host key of an SFTP server to trust, as SHA256:…, in place of those in known_hosts.")]
    [ValidatePattern("^SHA256:[A-Za-z0-9+/]{43}=?$")]
    public string? HostKeyFingerprint { get; set; }

    [Parameter(HelpMessage = "The minimum duration of each call to the storage, to simulate a slow connection.")]
    [TimeTransformation]
    public TimeSpan Latency { get; set; }

    [Parameter(HelpMessage = "The maximum transfer rate of values in bits per second, to simulate a slow connection.")]
    [ValidateRange(1, long.MaxValue)]
    public long Bandwidth { get; set; }

    [Parameter(HelpMessage = "The maximum rate at which values are loaded and stored, all together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    [Parameter(HelpMessage = "Cmdlets without -Store use this store, even while other stores are open.")]
    public SwitchParameter Default { get; set; }

    private protected StoreOptions ReadOptions()
    {
        var url = ParameterSetName == ByPath ? GetUrl(Path!) : Uri;
        CheckUrl(url);
        if (CacheUri is not null) CheckUrl(CacheUri);
        var options = new StoreOptions(url)
        {
            Layout = LayoutArgument.Read(Namespace, Preset),
            CacheUrl = CacheUri,
            Warning = Session.Warnings.Enqueue,
            Retried = RetryScope.Receive,
            Permissions = Permission,
            Durability = Durability,
            Quota = IsBound(nameof(Quota)) ? Quota : null,
            Credential = Credential?.GetNetworkCredential(),
            HostKeyFingerprint = HostKeyFingerprint,
            MaxBytesPerSecond = IsBound(nameof(MaxBytesPerSecond)) ? MaxBytesPerSecond : null,
        };
        if (IsBound(nameof(Latency))) options = options with { Latency = Latency };
        if (IsBound(nameof(Bandwidth))) options = options with { Bandwidth = Bandwidth };
        ReportTransport(options);
        return options;
    }

    private protected void Register(Store store, StoreOptions options)
    {
        ReportLayout(store);
        WriteObject(Session.Add(store, options, Default));
    }

    private bool IsBound(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);
}
