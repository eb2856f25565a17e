using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;
using BorgStore.Verification;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Tests what works with a store, or verifies everything in it.</summary>
[Cmdlet(VerbsDiagnostic.Test, "BorgStore", DefaultParameterSetName = ByUri)]
[OutputType(typeof(BorgStoreTest), typeof(BorgStoreFinding), typeof(BorgStoreVerification), typeof(bool))]
public sealed class TestBorgStoreCommand : StoreCommand
{
    private const string ByUri = "Uri";
    private const string ByPath = "Path";
    private const string ByStore = "Store";

    // How long Ctrl-C waits for the verification to record how far it came.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    // Most verifications end before there is anything to see of their progress.
    private static readonly TimeSpan CountDelay = TimeSpan.FromSeconds(1);

    private JobRunner? _jobRunner;
    private Task _verification = Task.CompletedTask;

    [Parameter(Position = 0, ParameterSetName = ByUri)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string? Uri { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByPath, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FolderCompleter))]
    public string? Path { get; set; }

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByStore, ValueFromPipeline = true)]
    public BorgStoreInfo? Store { get; set; }

    [Parameter(ParameterSetName = ByUri)]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter(ParameterSetName = ByUri)]
    [ValidatePattern("^SHA256:[A-Za-z0-9+/]{43}=?$")]
    public string? HostKeyFingerprint { get; set; }

    [Parameter]
    public SwitchParameter Quiet { get; set; }

    [Parameter(HelpMessage = "Verifies all values and files of the store.")]
    public SwitchParameter Integrity { get; set; }

    // These imply -Integrity, because they have no other use.
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[]? Namespace { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Resume { get; set; }

    [Parameter]
    public double? Percent { get; set; }

    [Parameter]
    [TimeTransformation]
    public TimeSpan? MaxDuration { get; set; }

    [Parameter]
    [ValidateRange(1, 1024)]
    public int? ThrottleLimit { get; set; }

    private bool Verifies => Integrity || Namespace is not null || Resume is not null || Percent is not null || MaxDuration is not null || ThrottleLimit is not null;

    /// <inheritdoc/>
    protected override void Process()
    {
        var url = ParameterSetName == ByPath ? GetUrl(Path!) : Uri;
        if (url is not null && !Quiet) CheckUrl(url);
        var connection = url is null ? (Store ?? Session.GetDefaultStore("-Uri")).Connection
            : Credential is null && HostKeyFingerprint is null ? Session.FindOpen(url)
            : null;
        var options = connection?.Options ?? new(url!) { Credential = Credential?.GetNetworkCredential(), HostKeyFingerprint = HostKeyFingerprint, Retried = RetryScope.Receive };
        if (!Quiet) ReportTransport(options);
        if (Verifies)
        {
            Verify(connection is null ? new UrlConnection(options) : connection);
            return;
        }
        var result = Wait(token => TestAsync(connection, options, token));
        WriteObject(Quiet ? result.IsUsable : result);
    }

    /// <inheritdoc/>
    protected override void Unwind()
    {
        _jobRunner?.Abandon();
        _verification.Wait(StopTimeout);
    }

    private void Verify(StoreConnection connection)
    {
        var options = new VerificationOptions
        {
            Namespaces = Namespace,
            StateFile = Resume is null ? null : LocalPath.ResolveAny(this, Resume),
            Percent = Percent,
            MaxDuration = MaxDuration,
            Parallelism = ThrottleLimit,
        };
        _jobRunner = new(this, MyInvocation.MyCommand.Name, new(1), StopToken);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _verification = ended.Task;
        _jobRunner.Post(connection.Handle, async (output, token) =>
        {
            try
            {
                await VerifyAsync(connection, options, output, token);
            }
            finally
            {
                ended.SetResult();
            }
        });
        _jobRunner.Complete();
    }

    private async Task VerifyAsync(StoreConnection connection, VerificationOptions options, JobOutput output, CancellationToken cancellationToken)
    {
        try
        {
            await using var lease = await connection.LeaseAsync(cancellationToken);
            if (await lease.Store.FindSuspiciousContentAsync(cancellationToken) is var (path, reason))
                throw new StoreException(StoreError.InvalidArgument, $"'{lease.Store.Url}' was not verified, because it may not be a store: there is '{path}', {reason}.", lease.Store.Url);
            var verifier = new StoreVerifier(lease.Store, options with
            {
                ItemChecked = size =>
                {
                    output.Advance();
                    output.Move(size);
                },
            });
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var counting = CountAsync(lease.Store, verifier, options, ended.Token);
            try
            {
                await foreach (var finding in verifier.FindProblemsAsync(cancellationToken))
                    if (!Quiet) await output.WriteAsync(new BorgStoreFinding(finding, connection.Handle));
            }
            finally
            {
                await ended.CancelAsync();
                await counting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            await output.WriteAsync(Quiet ? verifier.Summary.Run.Problems == 0 : new BorgStoreVerification(verifier.Summary, connection.Handle));
        }
        catch (StoreException e) when (Quiet && e.Error is not (StoreError.InvalidUrl or StoreError.InvalidArgument))
        {
            await output.WriteAsync(false);
        }
    }

    // Finds out how much there is to verify, beside a verification that takes long. What part a run with a limit will reach is not known.
    private async Task CountAsync(Store store, StoreVerifier verifier, VerificationOptions options, CancellationToken cancellationToken)
    {
        if (options.Percent is not null || options.MaxDuration is not null) return;
        var done = verifier.Summary.Pass with { };
        await Task.Delay(CountDelay, cancellationToken);
        var (items, bytes) = (-done.Items, -done.Bytes);
        foreach (var ns in options.Namespaces ?? [.. store.Layout.Namespaces.Select(ns => ns.Name)])
        {
            await foreach (var item in store.ListAsync(ns, ItemSelection.All, cancellationToken))
            {
                items++;
                bytes += item.Size;
            }
        }
        if (items > 0 && bytes >= 0) _jobRunner!.Phase.SetTotal(items, bytes);
    }

    private async Task<BorgStoreTest> TestAsync(
        OpenConnection? connection, StoreOptions options, CancellationToken cancellationToken)
    {
        var result = new BorgStoreTest(StoreUrl.Redact(options.Url));
        try
        {
            StoreConnection way = connection is null ? new UrlConnection(options) : connection;
            await using var lease = await way.LeaseAsync(cancellationToken);
            result.Reach = result.Exists = true;
            var namespaces = lease.Store.Layout.Namespaces;
            result.Layout = namespaces.Count > 0 && namespaces.All(ns => ns.IsKnown);
            await TestItemsAsync(lease.Store, result, cancellationToken);
            if (result.IsUsable && await lease.Store.FindSuspiciousContentAsync(cancellationToken) is var (path, reason))
            {
                // It is not certain that this is a store.
                (result.Exists, result.Layout) = (null, false);
                result.Problem = $"There is '{path}', {reason}.";
            }
            if (result.Layout == false) result.Problem ??= DescribeLayout(namespaces);
        }
        catch (StoreException e) when (Quiet || e.Error is not (StoreError.InvalidUrl or StoreError.InvalidArgument))
        {
            // A refusal still means that the storage was reached.
            result.Reach = e.Error is not (StoreError.ConnectionLost or StoreError.Timeout or StoreError.InvalidUrl or StoreError.InvalidArgument);
            if (e.Error == StoreError.StoreDoesNotExist) result.Exists = false;
            result.Problem = e.Message;
        }
        return result;
    }

    private static string? DescribeLayout(IReadOnlyList<NamespaceLayout> namespaces)
    {
        var unknown = namespaces.Where(ns => !ns.IsKnown).Select(ns => ns.Name).ToList();
        return unknown.Count == 0 ? "It is empty: its namespaces and their levels are not known. Specify them with -Namespace or -Preset when you open it."
            : $"The levels of {string.Join(", ", unknown.Take(3).Select(name => $"'{name}'"))}{(unknown.Count > 3 ? $" and {unknown.Count - 3} more namespaces" : "")} "
                + "cannot be recognised: they are empty, or this is an ordinary folder and not a store. If it is a store, specify its namespaces with -Namespace or -Preset when you open it.";
    }

    // Lists items and reads the first one as a sample.
    private static async Task TestItemsAsync(Store store, BorgStoreTest result, CancellationToken cancellationToken)
    {
        foreach (var ns in store.Layout.Namespaces)
        {
            try
            {
                await foreach (var item in store.ListAsync(ns.Name, ItemSelection.All, cancellationToken))
                {
                    result.List = true;
                    await using var value = await store.OpenReadAsync(item.Name, new ByteRange(0, 1), item.IsDeleted, cancellationToken);
                    await value.ReadToEndAsync(cancellationToken);
                    result.Read = true;
                    return;
                }
                result.List = true;
            }
            catch (StoreException e) when (e.Error is not (StoreError.ConnectionLost or StoreError.Timeout))
            {
                // The given layout is not that of the store.
                if (e.Error == StoreError.LayoutUnknown) result.Layout = false;
                if (result.List == true) result.Read ??= false;
                else result.List = false;
                result.Problem ??= e.Message;
            }
        }
    }
}
