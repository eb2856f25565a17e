using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Copies items within a store or to another one.</summary>
[Cmdlet(VerbsCommon.Copy, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class CopyBorgStoreItemCommand : RelocatingCommand
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

    /// <inheritdoc/>
    protected override void Begin()
    {
        if (SkipExisting && Force)
            throw new StoreException(StoreError.InvalidArgument, "-SkipExisting keeps items that exist at the destination, -Force replaces them. Specify only one of them.");
        base.Begin();
    }

    private protected override string? Target => Destination;

    private protected override StoreLease FindDestination(StoreLease store)
        => DestinationStore is null ? store : _destination ??= Lease(DestinationStore);

    private protected override void Relocate(StoreLease store, string name, string newName, bool deleted)
    {
        if (Destination is null && DestinationStore is null)
            throw new StoreException(StoreError.InvalidArgument, $"'{name}' was not copied: specify -Destination, -DestinationStore or both.", name);
        var target = FindDestination(store);
        var (mode, passThru, skipExisting) = (Mode, PassThru.IsPresent, SkipExisting.IsPresent);
        var place = _destination is null ? newName : $"{newName} in {target.Store.Url}";
        if (!ShouldProcess($"{name} to {place}", "Copy item")) return;
        JobRunner.Post(name, async (output, token) =>
        {
            if (skipExisting && await target.Store.FindAsync(newName, cancellationToken: token) is { } existing)
            {
                var source = await store.Store.GetInfoAsync(name, deleted, token);
                if (existing.Size == source.Size) return;
                throw new StoreException(StoreError.ObjectAlreadyExists,
                    $"'{name}' was not copied: '{place}' already exists with another size, {existing.Size} bytes instead of {source.Size}. Compare the two, and copy with -Force to replace it.", name);
            }
            await using (var value = await store.Store.OpenReadAsync(name, ByteRange.Whole, deleted, token))
                await target.Store.StoreAsync(newName, new(new ProgressStream(value, output), value.Length), mode, token);
            if (passThru) await output.WriteAsync(target.Describe(await target.Store.GetInfoAsync(newName, cancellationToken: token)));
        });
    }
}
