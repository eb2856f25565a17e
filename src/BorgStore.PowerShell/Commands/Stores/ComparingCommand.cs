using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Matching;
using BorgStore.PowerShell.Pipeline;
using BorgStore.Synchronization;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Base class of the cmdlets that compare two stores, with the parameters for what is compared and how.</summary>
public abstract class ComparingCommand : StoreCommand
{
    [Parameter]
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

    [Parameter(HelpMessage = "Compares the hashes of all values of the same size.")]
    public SwitchParameter Hash { get; set; }

    [Parameter(HelpMessage = "Takes items named by a hash as equal if they have the same size.")]
    public SwitchParameter TrustNames { get; set; }

    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 8;

    /// <summary>Returns what to compare, and how.</summary>
    /// <param name="check">How values of the same size are compared without <c>-Hash</c>.</param>
    private protected ComparisonOptions ReadComparison(ContentCheck check) => new()
    {
        Namespaces = Namespace,
        Filter = new ItemSelector(Include, Exclude).Selects,
        Check = Hash ? ContentCheck.Hash : check,
        TrustNames = TrustNames,
        Parallelism = ThrottleLimit,
    };
}
