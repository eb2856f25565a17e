using System.Collections.Concurrent;
using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Borg;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Drive;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of all cmdlets: provides the session, stops on Ctrl-C, leases stores, and writes errors as error records.</summary>
public abstract class StoreCommand : PSCmdlet, ILockingCommand, IDisposable
{
    // The maximum time that Ctrl-C waits for a store to close; after that, it closes in the background.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromMilliseconds(500);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<StoreConnection, StoreLease> _leases = [];
    private readonly ConcurrentQueue<string> _retries = new();
    private readonly RepositoryGuard _guard;
    private StoreSession? _session;
    private EventLog? _log;

    /// <summary>Initializes a cmdlet.</summary>
    protected StoreCommand() => _guard = new(this);

    internal CancellationToken StopToken => _stop.Token;

    /// <summary>Whether nothing is to be changed.</summary>
    private protected bool IsWhatIf => IsSet("WhatIf") ?? LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    // Set on the pipeline thread, because workers have no runspace.
    internal StoreSession Session => _session!;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected sealed override void BeginProcessing()
    {
        _session = StoreSession.Current;
        Guard(BeginAccepted);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Guard(ProcessAccepted);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Guard(End);

    /// <inheritdoc/>
    protected sealed override void StopProcessing() => _stop.Cancel();

    /// <summary>Called once, before the first record.</summary>
    protected virtual void Begin()
    {
    }

    /// <summary>Called for each record.</summary>
    protected virtual void Process()
    {
    }

    /// <summary>Called once, after the last record, unless the pipeline ended early.</summary>
    protected virtual void End()
    {
    }

    /// <summary>Called when any exception leaves the cmdlet; no other code of the cmdlet runs after that.</summary>
    protected virtual void Unwind()
    {
    }

    /// <summary>Ends the leases of stores. The engine disposes a cmdlet at the end of the whole pipeline, however it ends, so a store that
    /// something downstream still needs stays open until then.</summary>
    /// <param name="disposing">Whether the method is called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        var stopped = _stop.IsCancellationRequested;
        Unwind();
        _log?.Dispose();
        _stop.Cancel();
        var closing = Task.WhenAll(_leases.Values.Select(lease => CloseAsync(_guard.Leave(lease.Connection), lease)));
        _leases.Clear();
        try
        {
            closing.Wait(stopped ? StopTimeout : Timeout.InfiniteTimeSpan);
        }
        catch (AggregateException)
        {
            // Cmdlets that change a store have flushed it and reported errors already; now nothing can be reported any more.
        }
    }

    /// <summary>Waits for an asynchronous operation or Ctrl-C. A result that is too late is disposed.</summary>
    internal T Wait<T>(Func<CancellationToken, Task<T>> work)
    {
        var task = Task.Run(() => RunReportedAsync(work), StopToken);
        try
        {
            WaitWithProgress(task);
            return task.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            _ = task.ContinueWith(static late => (late.Result as IAsyncDisposable)?.DisposeAsync().AsTask(), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Waits for an asynchronous operation or Ctrl-C.</summary>
    internal void Wait(Func<CancellationToken, Task> work)
    {
        Wait(async token =>
        {
            await work(token);
            return true;
        });
    }

    T ILockingCommand.Wait<T>(Func<CancellationToken, Task<T>> work) => Wait(work);

    void ILockingCommand.WriteVerbose(string text) => WriteVerbose(text);

    void ILockingCommand.WriteWarning(string text) => WriteWarning(text);

    /// <summary>Throws if a text is not a URL, with the correct URL if it is a path.</summary>
    internal void CheckUrl(string url)
    {
        if (StorePath.Explain(SessionState.Path, url) is { } problem) throw problem;
        StoreUrl.GetScheme(url);
    }

    /// <summary>Reports with -Verbose how an SFTP server is reached, which depends on the login and on the programs that there are.</summary>
    internal void ReportTransport(StoreOptions options)
    {
        if (StoreUrl.GetScheme(options.Url) == "sftp")
            WriteVerbose($"'{StoreUrl.Redact(options.Url)}' is reached by {SftpConnector.Choose(SftpUrl.Parse(options.Url), options.ToBackendOptions())}.");
    }

    /// <summary>Reports with -Verbose what a store contains, and how that is known.</summary>
    internal void ReportLayout(Store store) => WriteVerbose(store.DescribeLayout());

    /// <summary>Reports a retry in the log, and with -Verbose when the pipeline thread comes by. May be called on any thread.</summary>
    /// <param name="retry">The retry.</param>
    /// <param name="target">The target of the job, for requests that don't concern a single item.</param>
    internal void ReportRetry(StoreRetry retry, object? target = null)
    {
        _retries.Enqueue(RetryScope.Describe(retry, target?.ToString()));
        try
        {
            _log?.WriteRetried(retry.Name ?? target?.ToString() ?? "", retry.Attempt, retry.Reason);
        }
        catch (StoreException)
        {
            // The next line about an item fails as well, and is reported.
        }
    }

    /// <summary>Writes the retries since the last call.</summary>
    internal void WriteRetries()
    {
        while (_retries.TryDequeue(out var text)) WriteVerbose(text);
    }

    /// <summary>Returns the URL of a store given by its folder.</summary>
    internal string GetUrl(string path) => StorePath.GetUrl(SessionState.Path, path);

    /// <summary>Returns the drive and the full name that a path on a drive means; null if the text is not the path of a drive of stores.</summary>
    /// <exception cref="StoreException">The path is not that of an item.</exception>
    internal (BorgStoreDriveInfo Drive, string Name)? FindOnDrive(string text)
    {
        if (!Session.IsOnDrive(text)) return null;
        try
        {
            var path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(text, out _, out _);
            if (Session.Locate(path) is not { } place) return null;
            // The slash tells the namespace as a destination from an item of this name.
            if (place.Path.Length > 0) return (place.Drive, text[^1] is '/' or '\\' ? place.Path + "/" : place.Path);
            throw new StoreException(StoreError.InvalidName, $"'{text}' is the root of a drive, not an item. Specify an item by its namespace and key, as in {place.Drive.Name}:/config/main.", text);
        }
        catch (SessionStateException e)
        {
            throw new StoreException(StoreError.InvalidName, e.Message, text, e);
        }
    }

    /// <summary>Adds the limit and the log of a cmdlet to the options of its jobs.</summary>
    private protected JobRunnerOptions ForTransfers(JobRunnerOptions options)
    {
        if (this is not ITransferCommand transfers) return options;
        if (transfers.LogPath is { } path) _log ??= new(LocalPath.ResolveAny(this, path), MyInvocation.MyCommand.Name);
        return options with { Log = _log, Limit = transfers.MaxBytesPerSecond > 0 ? new(transfers.MaxBytesPerSecond) : null };
    }

    /// <summary>Leases a store until the pipeline ends.</summary>
    internal StoreLease Lease(StoreReference? reference)
    {
        if (reference?.Url is { } url) CheckUrl(url);
        var connection = Session.Find(reference);
        if (_leases.TryGetValue(connection, out var lease)) return lease;
        if (connection.ClosesAutomatically) ReportTransport(connection.Options);
        _leases[connection] = lease = Wait(connection.LeaseAsync);
        if (connection.ClosesAutomatically) ReportLayout(lease.Store);
        return lease;
    }

    /// <summary>Returns whether an argument is a script block that is evaluated for each record. Must be called before the first record.</summary>
    internal bool IsScript(string parameter)
        => MyInvocation.BoundParameters.TryGetValue(parameter, out var argument) && argument is not null && GetType().GetProperty(parameter)!.GetValue(this) is null;

    /// <summary>Throws if <c>-Store</c> is empty, for example because of a misspelt variable; it would otherwise mean the open store.</summary>
    internal void ThrowIfStoreIsEmpty(StoreReference? store)
    {
        if (store is null && MyInvocation.BoundParameters.ContainsKey("Store"))
            throw new StoreException(StoreError.InvalidArgument,
                "-Store is empty. Specify the output of Open-BorgStore or a URL, or omit -Store to use the open store.");
    }

    /// <summary>Flushes the stores that close with this pipeline, so that errors are reported.</summary>
    internal void FlushLeases()
    {
        foreach (var lease in _leases.Values.Where(lease => lease.Connection.ClosesAutomatically))
            Wait(async token => await lease.Store.FlushAsync(token));
    }

    /// <summary>Handles <c>-WhatIf</c> and <c>-Confirm</c>, with control characters escaped.</summary>
    internal new bool ShouldProcess(string target, string action)
        => base.ShouldProcess(PrintableText.Escape(target), PrintableText.Escape(action));

    /// <summary>Handles <c>-WhatIf</c> and <c>-Confirm</c> of a change to a store, and locks it if it is a Borg repository.</summary>
    /// <param name="store">The store.</param>
    /// <param name="change">The kind of change.</param>
    /// <param name="name">The full name of the item.</param>
    /// <param name="action">The description of the change.</param>
    /// <param name="target">The description of what is changed, if it is more than the name.</param>
    internal bool ShouldChange(StoreLease store, RepositoryChange change, string name, string action, string? target = null)
    {
        if (!ShouldProcess(target ?? name, action)) return false;
        _guard.Enter(store, change, name);
        return true;
    }

    /// <summary>Keeps others from removing anything from a store until the pipeline ends, if it is a Borg repository.</summary>
    internal void LockToRead(StoreLease store) => _guard.Enter(store, RepositoryChange.Read, name: null);

    /// <summary>Throws if a store is a Borg repository that somebody else uses.</summary>
    internal void CheckLock(StoreLease store)
    {
        _guard.Enter(store, RepositoryChange.Remove, name: null);
        if (_guard.Leave(store.Connection) is { } held) Wait(_ => held.DisposeAsync().AsTask());
    }

    /// <summary>Writes a warning, with control characters escaped.</summary>
    internal new void WriteWarning(string text) => base.WriteWarning(PrintableText.Escape(text));

    /// <summary>Writes a verbose message, with control characters escaped.</summary>
    internal new void WriteVerbose(string text) => base.WriteVerbose(PrintableText.Escape(text));

    internal void WriteError(Exception exception, object? target = null) => WriteError(ErrorRecords.From(exception, target));

    /// <summary>Handles <c>-WhatIf</c> and <c>-Confirm</c>; <c>-Force</c> skips the confirmation.</summary>
    internal bool ShouldProcess(string target, string action, bool force)
    {
        var confirms = IsSet("Confirm") ?? false;
        return (force && !IsWhatIf && !confirms) || ShouldProcess(target, action);
    }

    // On the thread pool, because the pipeline thread only waits for a limited time after Ctrl-C.
    private static Task CloseAsync(BorgLock? held, StoreLease lease) => Task.Run(async () =>
    {
        if (held is not null) await held.DisposeAsync();
        await lease.DisposeAsync();
    });

    private Task<T> RunReportedAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        RetryScope.Enter(retry => ReportRetry(retry));
        return work(StopToken);
    }

    // Shows progress while waiting.
    private void WaitWithProgress(Task task)
    {
        var progress = new ProgressMeter(this, MyInvocation.MyCommand.Name);
        try
        {
            // WaitAny does not throw the task's exception; that is left to the caller.
            while (Task.WaitAny([task], (int)ProgressMeter.Interval.TotalMilliseconds, StopToken) < 0)
            {
                WriteRetries();
                progress.ShowWait();
            }
        }
        finally
        {
            progress.Complete();
        }
    }

    private bool? IsSet(string parameter)
        => MyInvocation.BoundParameters.TryGetValue(parameter, out var value) ? LanguagePrimitives.IsTrue(value) : null;

    private void BeginAccepted()
    {
        if (RejectedArgument.Find(this) is { } reason) throw reason;
        Begin();
    }

    // A piped object with an argument that was rejected is one error, and the others go on.
    private void ProcessAccepted()
    {
        if (RejectedArgument.Find(this) is { } reason) WriteError(reason);
        else Process();
    }

    // Lets every exception of the engine through, and cancels the work however the step ends:
    // `Select-Object -First` unwinds with an exception and does not call StopProcessing.
    private void Guard(Action step)
    {
        var isWhole = false;
        try
        {
            step();
            WriteRetries();
            while (Session.Warnings.TryDequeue(out var warning)) WriteWarning(warning);
            isWhole = true;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (StoreException e)
        {
            ThrowTerminatingError(ErrorRecords.From(e));
        }
        finally
        {
            if (!isWhole) Unwind();
        }
    }
}
