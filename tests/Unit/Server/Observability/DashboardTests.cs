using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BorgStore.Backends.Shared;
using BorgStore.Diagnostics;
using BorgStore.Server.Observability;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The names of metrics in the dashboard and the documentation.</summary>
public sealed partial class DashboardTests
{
    [Fact]
    public void The_dashboard_has_metrics_that_exist()
    {
        var board = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "deploy", "grafana.json")))!;
        var targets = board["panels"]!.AsArray().SelectMany(panel => panel!["targets"]?.AsArray() ?? []).Select(target => target!["expr"]!.ToString()).ToList();
        Assert.True(targets.Count > 10);
        Assert.All(targets, expression => Assert.Matches(Name(), expression));
        var variables = board["templating"]!["list"]!.AsArray().Select(variable => variable!["query"]!.ToString());
        Assert.Empty(Name().Matches(string.Join('\n', [.. targets, .. variables])).Select(match => match.Value).Distinct().Except(GetNames()));
        var ids = board["panels"]!.AsArray().Select(panel => panel!["id"]!.GetValue<int>()).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public void The_documentation_has_all_metrics_and_no_others()
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "monitoring.md"));
        var names = GetNames();
        Assert.Empty(Name().Matches(text).Select(match => match.Value).Distinct().Except(names));
        // In its tables, without the suffixes of histograms.
        Assert.All(names.Where(name => !Suffix().IsMatch(name)), name => Assert.Contains($"`{name}`", text, StringComparison.Ordinal));
    }

    // As the exporter for Prometheus makes them of the instruments.
    private static HashSet<string> GetNames()
    {
        var names = new HashSet<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name is ServerMetrics.MeterName or StoreInstruments.MeterName) names.UnionWith(GetNames(instrument));
        };
        using var metrics = new ServerMetrics();
        // Its static instruments.
        _ = StoreInstruments.IsEnabled;
        RuntimeHelpers.RunClassConstructor(typeof(RetrySchedule).TypeHandle);
        listener.Start();
        return names;
    }

    private static IEnumerable<string> GetNames(Instrument instrument)
    {
        var unit = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
        var name = instrument.Name.Replace('.', '_');
        if (!name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        if (instrument.GetType().GetGenericTypeDefinition() == typeof(Counter<>)) return [name + "_total"];
        return instrument.GetType().GetGenericTypeDefinition() == typeof(Histogram<>) ? [name, name + "_bucket", name + "_sum", name + "_count"] : [name];
    }

    [GeneratedRegex(@"\bborgstore_[a-z_]+\b")]
    private static partial Regex Name();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();
}
