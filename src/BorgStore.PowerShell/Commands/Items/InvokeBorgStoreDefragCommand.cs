using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Makes one new item out of parts of others, on the storage itself if it can.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "BorgStoreDefrag", DefaultParameterSetName = ByContent, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class InvokeBorgStoreDefragCommand : ItemCommand
{
    private const string ByContent = "Algorithm";
    private const string ByName = "Target";
    private readonly List<BorgStoreBlock> _sources = [];
    private StoreLease? _store;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [BlockTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public BorgStoreBlock[] Source { get; set; } = [];

    [Parameter(HelpMessage = "The namespace of all sources; by default that of the first one.")]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string? Namespace { get; set; }

    [Parameter(ParameterSetName = ByContent, HelpMessage = "The hash of the content that becomes the key of the new item.")]
    [ArgumentCompleter(typeof(AlgorithmCompleter))]
    public string Algorithm { get; set; } = HashKind.Sha256.DisplayName;

    [Parameter(Mandatory = true, ParameterSetName = ByName, HelpMessage = "The full name of the new item.")]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string? Target { get; set; }

    [Parameter(HelpMessage = "Removes the sources as soon as the new item is stored.")]
    public SwitchParameter RemoveSource { get; set; }

    private protected override string[]? Names
    {
        get => Array.ConvertAll(Source, block => block.Name);
        set => Source = [.. Source.Zip(value!, (block, name) => block with { Name = name })];
    }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    private protected override void Process(StoreLease store)
    {
        if (_store is not null && _store != store)
            throw new StoreException(StoreError.InvalidArgument,
                $"The sources are in two stores, {_store.Store.Url} and {store.Store.Url}. Use Copy-BorgStoreItem to copy them into one store.");
        _store = store;
        _sources.AddRange(Source);
    }

    /// <inheritdoc/>
    protected override void End()
    {
        if (_store is { } own && Target is not null && FindOnDrive(Target) is var (drive, target))
            Target = drive.Store.Connection == own.Connection ? target
                : throw new StoreException(StoreError.InvalidArgument, $"'{Target}' is in another store than the sources. Specify a name in {own.Store.Url}.", target);
        if (_store is { } store && MakeItem(store) is { } name)
        {
            if (RemoveSource) PostRemoval(store, name);
        }
        base.End();
    }

    private string? MakeItem(StoreLease store)
    {
        var ns = Namespace ?? store.Store.Layout.Find(_sources[0].Name)?.Name ?? "";
        var kind = HashKind.Parse(Algorithm);
        var place = Target ?? $"namespace '{ns}'";
        var action = $"Create one item from {_sources.Count} parts{(RemoveSource ? " and remove the sources" : "")}";
        if (!ShouldChange(store, RemoveSource ? RepositoryChange.Remove : RepositoryChange.Add, Target ?? ns + "/", action, place)) return null;

        var name = Wait(async token =>
        {
            var blocks = new List<Block>(_sources.Count);
            foreach (var source in _sources)
                blocks.Add(new(source.Name, source.Offset, source.Length ?? await MeasureAsync(source, token)));
            return Target is { } target
                ? await store.Store.DefragAsync(ns, blocks, target, StoreMode.Overwrite, token)
                : await store.Store.DefragAsync(ns, blocks, kind, token);
        });
        WriteObject(store.Describe(Wait(async token => await store.Store.GetInfoAsync(name, cancellationToken: token))));
        return name;

        async Task<long> MeasureAsync(BorgStoreBlock source, CancellationToken token)
            => Math.Max(0, (await store.Store.GetInfoAsync(source.Name, cancellationToken: token)).Size - source.Offset);
    }

    private void PostRemoval(StoreLease store, string newName)
    {
        foreach (var name in _sources.Select(source => source.Name).Distinct().Where(name => name != newName))
            JobRunner.Post(name, async (_, token) => await store.Store.DeleteAsync(name, cancellationToken: token));
    }
}
