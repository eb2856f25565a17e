using System.Net;
using BorgStore.Backends;
using BorgStore.Backends.S3.Connection;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Stalled transfers are ended, but slow ones are not.</summary>
public sealed class StallHandlerTests
{
    // Far longer than the pause between two bytes, because a busy machine makes that longer.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    // So many take longer than the limit.
    private const int SlowBytes = 16;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_does_not_respond_times_out()
    {
        using var client = Client(async token => { await Task.Delay(Timeout.Infinite, token); throw new InvalidOperationException(); });
        var error = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("http://host/", Ct));
        Assert.Equal(StoreError.Timeout, S3Errors.ToStoreException(error, "a").Error);
    }

    [Fact]
    public async Task A_stalled_body_times_out_and_a_slow_one_does_not()
    {
        using var client = Client(_ => Task.FromResult(new HttpResponseMessage { Content = OfLength(SlowBytes, new Slowly(SlowBytes, stalls: false)) }));
        using var slow = await client.GetAsync("http://host/", HttpCompletionOption.ResponseHeadersRead, Ct);
        Assert.Equal(SlowBytes, (await slow.Content.ReadAsByteArrayAsync(Ct)).Length);

        using var stopping = Client(_ => Task.FromResult(new HttpResponseMessage { Content = OfLength(4, new Slowly(3, stalls: true)) }));
        using var response = await stopping.GetAsync("http://host/", HttpCompletionOption.ResponseHeadersRead, Ct);
        var body = await response.Content.ReadAsStreamAsync(Ct);
        var error = await Assert.ThrowsAsync<IOException>(() => body.ReadExactlyAsync(new byte[4], Ct).AsTask());
        Assert.Equal(StoreError.Timeout, S3Errors.ToStoreException(error, "a").Error);
    }

    [Fact]
    public async Task A_slow_upload_does_not_time_out()
    {
        using var client = new HttpClient(new StallHandler(new Reader()) { Limit = Limit }) { Timeout = Timeout.InfiniteTimeSpan };
        using var content = new StreamContent(new Slowly(SlowBytes, stalls: false));
        using var response = await client.PutAsync("http://host/", content, Ct);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static StreamContent OfLength(long length, Stream body)
    {
        var content = new StreamContent(body);
        content.Headers.ContentLength = length;
        return content;
    }

    private static HttpClient Client(Func<CancellationToken, Task<HttpResponseMessage>> answer)
        => new(new StallHandler(new Answering(answer)) { Limit = Limit }) { Timeout = Timeout.InfiniteTimeSpan };

    private sealed class Answering(Func<CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(cancellationToken);
    }

    private sealed class Reader : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var sink = new MemoryStream();
            await request.Content!.CopyToAsync(sink, cancellationToken);
            return new();
        }
    }

    // One byte every 150 ms.
    private sealed class Slowly(int count, bool stalls) : ReadOnlyStream
    {
        private int _left = count;

        public override long Length => throw new NotSupportedException();

        public override int Read(Span<byte> buffer) => throw new NotSupportedException();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0 && !stalls) return 0;
            await Task.Delay(_left == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(150), cancellationToken);
            _left--;
            return 1;
        }
    }
}
