using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;
using BorgStore.Synchronization;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Compares the items of two stores, or of a store and a folder.</summary>
[Cmdlet(VerbsData.Compare, "BorgStore", DefaultParameterSetName = ByStore)]
[OutputType(typeof(BorgStoreDifference))]
public sealed class CompareBorgStoreCommand : ComparingCommand
{
    private const string ByStore = "Store";
    private const string ByPath = "Path";

    private JobRunner? _jobRunner;

    [Parameter(Mandatory = true, Position = 0)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? ReferenceStore { get; set; }

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByStore)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? DifferenceStore { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByPath)]
    [ValidateNotNullOrEmpty]
    public string? DifferencePath { get; set; }

    [Parameter]
    public SwitchParameter IncludeEqual { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        var reference = Lease(ReferenceStore);
        var options = ReadComparison(ContentCheck.Size) with { IncludesEqual = IncludeEqual };
        StoreLease? difference = null;
        StoreComparison comparison;
        if (DifferencePath is not null)
        {
            var folder = LocalPath.ResolveAny(this, DifferencePath);
            if (!Directory.Exists(folder)) throw new StoreException(StoreError.InvalidArgument, $"There is no folder '{folder}' to compare with.", folder);
            comparison = new(reference.Store, folder, options);
        }
        else
        {
            difference = Lease(DifferenceStore);
            comparison = new(reference.Store, difference.Store, options);
        }
        var (left, right) = (reference.Connection.Handle, difference?.Connection.Handle);
        _jobRunner = new(this, MyInvocation.MyCommand.Name, new(1), StopToken);
        _jobRunner.Post(reference.Store.Url, async (output, token) =>
        {
            await foreach (var found in comparison.RunAsync(token))
            {
                output.Advance();
                if (found.Failure is { } failure) await output.FailAsync(ErrorRecords.From(failure, found.Name));
                else await output.WriteAsync(Describe(found, left, right));
            }
        });
        _jobRunner.Complete();
    }

    /// <inheritdoc/>
    protected override void Unwind() => _jobRunner?.Abandon();

    private static BorgStoreDifference Describe(ItemDifference found, BorgStoreHandle reference, BorgStoreHandle? difference)
    {
        var (side, reason) = found.Kind switch
        {
            DifferenceKind.OnlyInReference => ("<=", "only in the reference"),
            DifferenceKind.OnlyInDifference => ("=>", "only in the other"),
            DifferenceKind.Size => ("<>", "size"),
            DifferenceKind.Content => ("<>", "content"),
            _ => ("==", "equal"),
        };
        return new(found.Name, side, reason, (found.Reference ?? found.Difference)!.Value.Size, found.Difference?.Size, found.IsDeleted,
            found.Reference is null ? difference : reference);
    }
}
