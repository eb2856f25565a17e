using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.Naming;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Matching;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Stores the files of a folder as Export-BorgStoreItem wrote them, turning paths into names.</summary>
[Cmdlet(VerbsData.Import, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class ImportBorgStoreItemCommand : ItemCommand, ITransferCommand
{
    private ItemSelector _selector = new([], []);

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FolderCompleter))]
    public string[] Path { get; set; } = [];

    [Parameter(HelpMessage = "Only stores items of these namespaces.")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[]? Namespace { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Include { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Exclude { get; set; } = [];

    [Parameter(HelpMessage = "Leaves out files whose item exists with the same size.")]
    public SwitchParameter SkipExisting { get; set; }

    [Parameter(HelpMessage = "Replaces existing items.")]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter(HelpMessage = "A file to which a line of JSON is appended for each item that is done or has failed.")]
    [ValidateNotNullOrEmpty]
    public string? LogPath { get; set; }

    [Parameter(HelpMessage = "The maximum rate of all transfers of this cmdlet together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    // The names come from the files.
    private protected override string[]? Names
    {
        get => null;
        set => throw new NotSupportedException();
    }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        _selector = new(Include, Exclude);
    }

    private protected override void Process(StoreLease store)
    {
        // Piped folders are not known before their turn.
        if (!MyInvocation.ExpectingInput) CountFiles(store, Path.Select(path => LocalPath.ResolveAny(this, path)).Where(Directory.Exists));
        foreach (var path in Path)
        {
            var folder = LocalPath.ResolveAny(this, path);
            if (Directory.Exists(folder)) Import(store, folder);
            else WriteSkipError(new(StoreError.InvalidArgument, $"There is no folder '{folder}', so nothing was imported. Specify the folder that Export-BorgStoreItem wrote to.", folder));
        }
    }

    private void Import(StoreLease store, string folder)
    {
        foreach (var start in FindStarts(folder))
        {
            try
            {
                foreach (var (file, name, isDeleted) in ItemPath.Enumerate(folder, start)) Import(store, file, name, isDeleted);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                WriteSkipError(new(StoreError.BackendFailure, $"Could not read all of '{start}': {e.Message}", start, e));
            }
        }
    }

    private IEnumerable<string> FindStarts(string folder)
        => Namespace is null ? [folder] : Namespace.Select(ns => ItemPath.Combine(folder, ns.TrimEnd('/'))).Where(Directory.Exists);

    // Looks at all files once more, beside the import, because to remember them would take memory.
    private void CountFiles(StoreLease store, IEnumerable<string> folders)
    {
        var (progress, stopping) = (JobRunner.Phase, StopToken);
        List<(string Folder, string Start)> starts = [.. folders.SelectMany(folder => FindStarts(folder).Select(start => (folder, start)))];
        _ = Task.Run(() =>
        {
            try
            {
                var (count, bytes) = (0L, 0L);
                foreach (var (folder, start) in starts)
                {
                    foreach (var (file, name, isDeleted) in ItemPath.Enumerate(folder, start))
                    {
                        if (stopping.IsCancellationRequested) return;
                        if (!IsSelected(store, file, name, isDeleted)) continue;
                        count++;
                        bytes += file.Length;
                    }
                }
                progress.SetTotal(count, bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The import finds the same and reports it. No total is known then.
            }
        });
    }

    private bool IsSelected(StoreLease store, FileInfo file, string name, bool isDeleted)
        => _selector.Selects(new(name, store.Store.Layout.Find(name)?.Name ?? "", file.Length, isDeleted, Level: 0));

    private void Import(StoreLease store, FileInfo file, string name, bool isDeleted)
    {
        if (!IsSelected(store, file, name, isDeleted)) return;
        var length = file.Length;
        if (!ShouldChange(store, RepositoryChange.Add, name, isDeleted ? "Import soft-deleted item" : "Import item", $"{name} (from {file.FullName})"))
        {
            JobRunner.Phase.Skip(length);
            return;
        }
        var (mode, skip, passThru) = (Force ? StoreMode.Overwrite : StoreMode.CreateNew, SkipExisting.IsPresent, PassThru.IsPresent);
        JobRunner.Post(name, async (output, token) =>
        {
            output.Expect(length);
            if (skip && await store.Store.FindAsync(name, isDeleted, token) is { } existing && existing.Size == length) return;
            await using var stream = await LocalPath.OpenReadAsync(file.FullName, output.WarnAsync, token);
            var value = Binding.ValueArgument.Read(new ProgressStream(stream, output, isExpected: true), name);
            if (isDeleted) await store.Store.StoreDeletedAsync(name, value, mode, token);
            else await store.Store.StoreAsync(name, value, mode, token);
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(name, isDeleted, token)));
        });
    }
}
