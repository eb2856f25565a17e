using System.Globalization;
using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Gets counts, times and volumes of a store's operations since it was opened.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreStatistic")]
[OutputType(typeof(BorgStoreStatistic))]
public sealed class GetBorgStoreStatisticCommand : WholeStoreCommand
{
    [Parameter(HelpMessage = "Resets the counters afterwards.")]
    public SwitchParameter Reset { get; set; }

    private protected override void Process(StoreLease store)
    {
        var statistics = store.Store.GetStatistics();
        if (Reset) store.Store.ResetStatistics();
        var result = PSObject.AsPSObject(new BorgStoreStatistic(statistics, store.Connection.Handle));
        foreach (var (name, figure) in statistics.ToDictionary()) result.Properties.Add(MakeAlias(name, figure));
        WriteObject(result);
    }

    // load_calls is an alias of LoadCount. Python gives times in seconds, so these are separate values.
    private static PSPropertyInfo MakeAlias(string name, double figure)
    {
        if (name.EndsWith("_time", StringComparison.Ordinal)) return new PSNoteProperty(name, figure);
        var words = name.Split('_').Select(word => word switch
        {
            "calls" => "Count",
            "hits" or "misses" or "errors" => CultureInfo.InvariantCulture.TextInfo.ToTitleCase(word[..^(word == "misses" ? 2 : 1)]) + "Count",
            _ => CultureInfo.InvariantCulture.TextInfo.ToTitleCase(word),
        });
        return new PSAliasProperty(name, name == "cache_disabled" ? nameof(BorgStoreStatistic.IsCacheDisabled) : string.Concat(words));
    }
}
