using BorgStore.Server.Page;

namespace BorgStore.Tests.Server.Page;

/// <summary>Verifications in the background of a server.</summary>
public sealed class StoreJobTests : IDisposable
{
    private readonly SemaphoreSlim _turns = new(1);
    private readonly CancellationTokenSource _server = new();
    private readonly TaskCompletionSource _isOpening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Only_one_verification_of_a_store_runs_and_it_can_be_stopped()
    {
        var verification = new StoreVerification(OpenForeverAsync, _turns, _server.Token);
        Assert.Null(verification.Get(withFindings: true));
        Assert.True(verification.TryStart(null));
        await _isOpening.Task;
        Assert.False(verification.TryStart(null));

        verification.Stop();
        await verification.Completion;
        Assert.Equal("stopped", verification.Get(withFindings: true)!.State);
        verification.Stop();
        Assert.True(verification.TryStart(null));
    }

    [Fact]
    public async Task A_verification_waits_for_that_of_another_store()
    {
        var first = new StoreVerification(OpenForeverAsync, _turns, _server.Token);
        var second = new StoreVerification(_ => throw new StoreException(StoreError.StoreDoesNotExist, "gone"), _turns, _server.Token);
        first.TryStart(null);
        await _isOpening.Task;
        second.TryStart(null);
        Assert.Equal("waiting", second.Get(withFindings: false)!.State);
        first.Stop();
        await second.Completion;
        Assert.Equal(("failed", "gone"), (second.Get(withFindings: false)!.State, second.Get(withFindings: false)!.Error));
    }

    [Fact]
    public async Task The_end_of_the_server_stops_a_verification()
    {
        var verification = new StoreVerification(OpenForeverAsync, _turns, _server.Token);
        verification.TryStart(null);
        await _server.CancelAsync();
        await verification.Completion;
        Assert.Equal("stopped", verification.Get(withFindings: false)!.State);
    }

    public void Dispose()
    {
        _server.Cancel();
        _server.Dispose();
        _turns.Dispose();
    }

    private async Task<Store> OpenForeverAsync(CancellationToken cancellationToken)
    {
        _isOpening.TrySetResult();
        await Task.Delay(Timeout.Infinite, cancellationToken);
        throw new InvalidOperationException();
    }
}
