using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Over TCP to the server of the Python package, where it is installed.</summary>
public sealed class PythonServerContractTests : RestContract
{
    // Version 0.6.0 mixes up requests that come at once (412 for some), keeps the unfinished file of an upload that ended early, fails on
    // a directory or a name below an item, and takes blocks that are not there.
    private static readonly string[] Faults =
    [
        nameof(A_stream_that_throws_leaves_nothing), nameof(A_stream_that_ends_early_leaves_nothing), nameof(A_cancelled_store_leaves_nothing),
        nameof(A_reader_sees_the_old_or_the_new_value_whole), nameof(Many_items_are_listed_completely), nameof(Many_make_the_same_directories_at_once),
        nameof(Of_many_who_create_an_item_at_once_one_wins), nameof(A_storm_of_operations_leaves_what_was_last_done),
        nameof(Nothing_is_stored_below_an_item), nameof(No_directory_is_made_below_an_item),
        nameof(A_name_below_an_item_is_absent), nameof(A_directory_is_no_item), nameof(Defrag_refuses_a_block_that_is_not_wholly_there),
    ];

    private int _port;
    private ServerProcess? _server;

    protected override string Url => $"http://127.0.0.1:{_port}";

    public override async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Faults.Contains(TestContext.Current.TestMethod?.MethodName), "The Python package's server does this wrong.");
        var python = PythonPeer.Require("borgstore");
        _port = TestPorts.FindFree();
        _server = ServerProcess.Start(python, ["-m", "borgstore.server.rest", "--port", $"{_port}", "--backend", new Uri(StorePath).AbsoluteUri]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(_port), () => _server.Output, _server.Process);
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync() => _server?.DisposeAsync() ?? default;
}
