using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Over TCP to the Python package's server.</summary>
public sealed class PythonServerContractTests(PythonServer server) : RestContract, IClassFixture<PythonServer>
{
    protected override bool KnowsDeletedTime => false;

    // Tested with version 0.7.0. It stores the received part of a body that ends early, and can't create without replacing. It answers 500 for
    // reading a directory, for moves or new directories below an item, and for offsets and sizes out
    // of its range. An empty block after the end of an item is not an error.
    private static readonly string[] Faults =
    [
        $"{nameof(Storing_a_stream_that_throws_changes_nothing)}(size: 3145728", $"{nameof(Storing_a_stream_that_ends_early_changes_nothing)}(size: 3145728",
        nameof(A_directory_is_not_an_item), nameof(A_name_below_an_item_counts_as_missing), nameof(Storing_below_an_item_fails),
        nameof(Creating_a_directory_below_an_item_fails), nameof(Gather_rejects_a_range_that_exceeds_its_value),
        nameof(Gather_rejects_missing_items_and_directories),
        $"{nameof(Defrag_rejects_a_block_that_exceeds_its_value)}(offset: 101, length: 0)",
        $"{nameof(Defrag_rejects_a_block_that_exceeds_its_value)}(offset: 1, length: {long.MaxValue})",
        nameof(One_of_many_concurrent_creators_of_an_item_wins), nameof(A_cancelled_store_leaves_no_files),
        nameof(Destroy_removes_nothing_if_there_are_foreign_files),
        // It has no commands for unfinished items.
        nameof(Clearing_leftovers_and_destroying_do_not_follow_links), nameof(Deleting_an_unfinished_item_does_not_follow_links),
        nameof(Unfinished_items_are_found_by_age_and_removed), nameof(A_minimum_age_of_zero_includes_files_with_timestamps_in_the_future),
        $"{nameof(Dispose_during_a_listing_completes)}(scope: null",
        // It does not create a store beside a file system's own folder, and destroys that folder too.
        nameof(The_lost_and_found_folder_of_a_file_system_is_left_alone),
    ];

    protected override string StorePath => server.StorePath;

    protected override string Url => server.Url;

    public override async ValueTask InitializeAsync()
    {
        var test = TestContext.Current.Test!.TestDisplayName;
        Assert.SkipWhen(Faults.Any(fault => test.Contains(fault, StringComparison.Ordinal)), "The Python package's server does this wrong.");
        await server.StartAsync();
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync()
    {
        // It does not keep the store open between two requests.
        if (Directory.Exists(StorePath)) Directory.Delete(StorePath, recursive: true);
        return default;
    }
}

/// <summary>A server of the Python package for all tests of a class, because it takes a second to start. Each test removes its store.</summary>
public sealed class PythonServer : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = TestPorts.FindFree();
    private ServerProcess? _server;

    public string StorePath => _folder.Combine("store");

    public string Url => $"http://127.0.0.1:{_port}";

    public ValueTask InitializeAsync() => default;

    public async Task StartAsync()
    {
        if (_server is not null) return;
        var python = PythonPeer.Require("borgstore");
        _server = ServerProcess.Start(python, ["-m", "borgstore.server.rest", "--port", $"{_port}", "--backend", new Uri(StorePath).AbsoluteUri]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(_port), () => _server.Output, _server.Process);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _folder.Dispose();
    }
}
