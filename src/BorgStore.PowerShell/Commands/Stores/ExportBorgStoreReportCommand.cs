using System.Management.Automation;
using System.Text;
using BorgStore.Backends;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Report;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Writes a page about a store: its size, growth, age and largest items.</summary>
[Cmdlet(VerbsData.Export, "BorgStoreReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportBorgStoreReportCommand : WholeStoreCommand
{
    private JobRunner? _jobRunner;

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    [Parameter(HelpMessage = "The file of Test-BorgStore -Resume, to show the last verification.")]
    [ValidateNotNullOrEmpty]
    public string? VerificationState { get; set; }

    [Parameter(HelpMessage = "The file of Sync-BorgStore -LogPath, to show the last synchronisation.")]
    [ValidateNotNullOrEmpty]
    public string? SyncLog { get; set; }

    /// <inheritdoc/>
    protected override void Unwind() => _jobRunner?.Abandon();

    private protected override void Process(StoreLease store)
    {
        var path = LocalPath.ResolveAny(this, Path!);
        if (Directory.Exists(path)) throw new StoreException(StoreError.InvalidArgument, $"'{path}' is a folder. Specify the path of a file for the report, such as '{System.IO.Path.Combine(path, "report.html")}'.", path);
        var historyPath = System.IO.Path.ChangeExtension(path, ".json");
        if (historyPath == path) throw new StoreException(StoreError.InvalidArgument, $"'{path}' is where the history of the reports is kept. Specify a file ending in .html.", path);
        var history = ReportHistory.Load(historyPath, store.Store.Url);
        var events = new List<(string, string)>();
        if (VerificationState is not null) events.Add(("Last verification", ReportEvents.DescribeVerification(FindFile(VerificationState))));
        if (SyncLog is not null) events.Add(("Last synchronisation", ReportEvents.DescribeSync(FindFile(SyncLog))));
        if (!ShouldProcess(path, "Write report")) return;

        _jobRunner = new(this, MyInvocation.MyCommand.Name, new(1) { Present = result => LocalPath.Present(this, result) }, StopToken);
        _jobRunner.Post(path, async (output, token) =>
        {
            var survey = await StoreSurvey.MakeAsync(store, output.Advance, token);
            var total = survey.Sum(store.Connection.Handle);
            history = history.With(survey.Time, total);
            var page = new ReportPage(survey, total, history, events).Write();
            var file = await AtomicFile.WriteAsync(path, new MemoryValueStream(Encoding.UTF8.GetBytes(page)), overwrite: true, token);
            await AtomicFile.WriteAsync(historyPath, new MemoryValueStream(history.ToJson()), overwrite: true, token);
            await output.WriteAsync(file);
        });
        _jobRunner.Complete();
    }

    private string FindFile(string path)
    {
        var file = LocalPath.ResolveAny(this, path);
        return File.Exists(file) ? file : throw new StoreException(StoreError.InvalidArgument, $"There is no file '{file}'.", file);
    }
}
