using BorgStore.Backends;
using BorgStore.Backends.Http;
using BorgStore.Backends.S3.Connection;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Response bodies that stall, including for the SDK, which reads XML without a cancellation token.</summary>
public sealed class WatchedBodyTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reading_a_silent_body_times_out(bool waits)
    {
        using var body = new StallDetectingStream(new SilentStream(), new StallWatch(TimeSpan.FromSeconds(0.2), CancellationToken.None));
        var buffer = new byte[10];
        var read = waits ? Task.Run(() => body.Read(buffer, 0, 10), Ct) : body.ReadAsync(buffer, Ct).AsTask();
        var error = await Assert.ThrowsAsync<IOException>(() => read.WaitAsync(TimeSpan.FromMinutes(1), Ct));
        Assert.IsType<TimeoutException>(error.InnerException?.InnerException);
    }

    private sealed class SilentStream : ReadOnlyStream
    {
        public override long Length => throw new NotSupportedException();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }

        // Like that of a socket: a token does not cancel it.
        public override int Read(Span<byte> buffer)
        {
            Thread.Sleep(Timeout.Infinite);
            return 0;
        }
    }
}
