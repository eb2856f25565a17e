using System.Collections.Concurrent;
using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Measures the number and size of the items in the namespaces of a store.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "BorgStore")]
[OutputType(typeof(BorgStoreMeasure))]
public sealed class MeasureBorgStoreCommand : WholeStoreCommand
{
    private JobRunner? _jobRunner;

    [Parameter(Position = 0)]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[]? Namespace { get; set; }

    [Parameter(HelpMessage = "Adds the total of each store.")]
    public SwitchParameter Total { get; set; }

    /// <inheritdoc/>
    protected override void Unwind() => _jobRunner?.Abandon();

    private protected override void Process(StoreLease store)
    {
        _jobRunner = new(this, MyInvocation.MyCommand.Name, new(Environment.ProcessorCount) { IsOrdered = true }, StopToken);
        var measures = new ConcurrentBag<BorgStoreMeasure>();
        foreach (var ns in Namespace ?? store.Store.Layout.Namespaces.Select(known => known.Name))
        {
            _jobRunner.Post(ns, async (output, token) =>
            {
                var measure = new BorgStoreMeasure(ns.TrimEnd('/'), store.Connection.Handle);
                await foreach (var item in store.Store.ListAsync(ns, ItemSelection.All, token))
                {
                    measure.Add(item);
                    output.Advance();
                }
                measures.Add(measure);
                await output.WriteAsync(measure);
            });
        }
        _jobRunner.Complete();
        if (Total) WriteObject(BorgStoreMeasure.Sum(measures, store.Connection.Handle));
    }
}
