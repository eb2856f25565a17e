using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;
using BorgStore.Synchronization;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Copies items within a store or to another one.</summary>
[Cmdlet(VerbsCommon.Copy, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class CopyBorgStoreItemCommand : RelocatingCommand, ITransferCommand
{
    private StoreLease? _destination;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string? Destination { get; set; }

    [Parameter]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? DestinationStore { get; set; }

    [Parameter]
    public SwitchParameter SkipExisting { get; set; }

    [Parameter(HelpMessage = "A file to which a line of JSON is appended for each item that is done or has failed.")]
    [ValidateNotNullOrEmpty]
    public string? LogPath { get; set; }

    [Parameter(HelpMessage = "The maximum rate of all transfers of this cmdlet together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    private protected override string? Target
    {
        get => Destination;
        set
        {
            if (DestinationStore is not null)
                throw new StoreException(StoreError.InvalidArgument, "The path on a drive already names the store of the destination. Omit -DestinationStore, or specify the name without the drive.");
            Destination = value;
        }
    }

    private protected override StoreLease FindDestination(StoreLease store)
        => DestinationStore is null ? base.FindDestination(store) : _destination ??= Lease(DestinationStore);

    private protected override void Relocate(StoreLease store, string name, string newName, bool deleted)
    {
        if (Destination is null && DestinationStore is null)
            throw new StoreException(StoreError.InvalidArgument, $"'{name}' was not copied: specify -Destination, -DestinationStore or both.", name);
        var target = FindDestination(store);
        var (mode, passThru, skipExisting) = (Mode, PassThru.IsPresent, SkipExisting.IsPresent);
        var place = target == store ? newName : $"{newName} in {target.Store.Url}";
        if (!ShouldChange(target, RepositoryChange.Add, newName, "Copy item", $"{name} to {place}")) return;
        JobRunner.Post(name, async (output, token) =>
        {
            if (skipExisting && await target.Store.FindAsync(newName, cancellationToken: token) is { } existing)
            {
                var source = await store.Store.GetInfoAsync(name, deleted, token);
                if (existing.Size == source.Size) return;
                if (mode == StoreMode.CreateNew)
                    throw new StoreException(StoreError.ObjectAlreadyExists,
                        $"'{name}' was not copied: '{place}' already exists with another size, {existing.Size} bytes instead of {source.Size}. Compare the two, and add -Force to replace it.", name);
            }
            await new ItemCopy(store.Store, name, deleted, target.Store) { NewName = newName, Mode = mode, Limit = output.Limit, Moved = output.Move }.CopyAsync(token);
            if (passThru) await output.WriteAsync(target.Describe(await target.Store.GetInfoAsync(newName, cancellationToken: token)));
        });
    }
}
