using System.Management.Automation;
using BorgStore.Naming;
using BorgStore.Backends;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Writes values to files in a folder, turning names into paths.</summary>
[Cmdlet(VerbsData.Export, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportBorgStoreItemCommand : SelectedItemCommand, ITransferCommand
{
    private string? _folder;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    [Parameter(HelpMessage = "Replaces existing files.")]
    public SwitchParameter Force { get; set; }

    [Parameter(HelpMessage = "Leaves out items whose file exists with the same size.")]
    public SwitchParameter SkipExisting { get; set; }

    [Parameter(HelpMessage = "A file to which a line of JSON is appended for each item that is done or has failed.")]
    [ValidateNotNullOrEmpty]
    public string? LogPath { get; set; }

    [Parameter(HelpMessage = "The maximum rate of all transfers of this cmdlet together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { Present = result => LocalPath.Present(this, result) };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        if (Path is not null) _folder = FindFolder(Path);
    }

    // With a script block, each item may have a folder of its own.
    private string FindFolder(string path)
    {
        var folder = LocalPath.ResolveAny(this, path);
        LocalPath.CheckFolder(folder);
        return folder;
    }

    private protected override void Process(StoreLease store, string name)
    {
        var (deleted, force, skip) = (Deleted.IsPresent, Force.IsPresent, SkipExisting.IsPresent);
        var path = ItemPath.Combine(_folder ?? FindFolder(Path!), name, deleted);
        if (!ShouldProcess($"{name} to {path}", "Export item")) return;
        JobRunner.Post(name, async (output, token) =>
        {
            if (skip && new FileInfo(path) is { Exists: true } file && (await store.Store.FindAsync(name, deleted, token))?.Size == file.Length) return;
            await using var value = await store.Store.OpenReadAsync(name, ByteRange.Whole, deleted, token);
            await output.WriteAsync(await AtomicFile.WriteAsync(path, new ProgressStream(value, output), force, token));
        });
    }
}
