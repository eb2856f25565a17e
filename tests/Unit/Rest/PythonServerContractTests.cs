using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Over TCP to the Python package's server.</summary>
public sealed class PythonServerContractTests : RestContract
{
    // Tested with version 0.7.0. It stores the received part of a body that ends early, and can't create without replacing. It answers 500 for
    // reading a directory, for moves or new directories below an item, and for offsets and sizes out
    // of its range. An empty block after the end of an item is not an error.
    private static readonly string[] Faults =
    [
        $"{nameof(A_stream_that_throws_leaves_nothing)}(size: 3145728", $"{nameof(A_stream_that_ends_early_leaves_nothing)}(size: 3145728",
        nameof(A_directory_is_no_item), nameof(A_name_below_an_item_is_absent), nameof(Nothing_is_stored_below_an_item),
        nameof(No_directory_is_made_below_an_item), nameof(Gather_refuses_a_range_that_is_not_wholly_there),
        nameof(Gather_refuses_absent_items_and_directories),
        $"{nameof(Defrag_refuses_a_block_that_is_not_wholly_there)}(offset: 101, length: 0)",
        $"{nameof(Defrag_refuses_a_block_that_is_not_wholly_there)}(offset: 1, length: {long.MaxValue})",
        nameof(Of_many_who_create_an_item_at_once_one_wins), nameof(A_cancelled_store_leaves_nothing),
        nameof(Destroy_removes_nothing_where_something_else_lies_too),
        // It has no commands for unfinished items.
        nameof(Clearing_and_destroying_leave_alone_what_links_lead_to), nameof(Nothing_unfinished_is_deleted_behind_a_link),
        nameof(Unfinished_items_are_found_by_their_age_and_removed), nameof(Every_age_is_enough_for_no_age_also_that_of_a_clock_that_is_ahead),
        $"{nameof(Dispose_inside_a_listing_returns)}(scope: null",
        // It does not create a store beside a file system's own folder, and destroys that folder too.
        nameof(The_folder_that_a_file_system_keeps_for_itself_is_left_alone),
    ];

    private int _port;
    private ServerProcess? _server;

    protected override string Url => $"http://127.0.0.1:{_port}";

    public override async ValueTask InitializeAsync()
    {
        var test = TestContext.Current.Test!.TestDisplayName;
        Assert.SkipWhen(Faults.Any(fault => test.Contains(fault, StringComparison.Ordinal)), "The Python package's server does this wrong.");
        var python = PythonPeer.Require("borgstore");
        _port = TestPorts.FindFree();
        _server = ServerProcess.Start(python, ["-m", "borgstore.server.rest", "--port", $"{_port}", "--backend", new Uri(StorePath).AbsoluteUri]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(_port), () => _server.Output, _server.Process);
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync() => _server?.DisposeAsync() ?? default;
}
