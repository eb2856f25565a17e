using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Tells how often, how long and how much since the store was opened.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreStatistic")]
[OutputType(typeof(BorgStoreStatistic))]
public sealed class GetBorgStoreStatisticCommand : WholeStoreCommand
{
    [Parameter(HelpMessage = "Begins to count anew afterwards.")]
    public SwitchParameter Reset { get; set; }

    private protected override void Process(StoreLease store)
    {
        var statistics = store.Store.GetStatistics();
        if (Reset) store.Store.ResetStatistics();
        var result = PSObject.AsPSObject(new BorgStoreStatistic(statistics, store.Connection.Handle));
        foreach (var (name, figure) in statistics.ToDictionary()) result.Properties.Add(MakeProperty(name, figure));
        WriteObject(result);
    }

    private static PSNoteProperty MakeProperty(string name, double figure) => name[(name.LastIndexOf('_') + 1)..] switch
    {
        "calls" or "volume" or "hits" or "misses" or "errors" => new(name, (long)figure),
        "disabled" => new(name, figure != 0),
        _ => new(name, figure),
    };
}
