using System.Net;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;

namespace BorgStore.Backends.S3;

/// <summary>Ends a request whose bytes stand still, in either direction. What moves may last as long as it needs.</summary>
internal sealed class StallHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    // Copies and completions have the server move gigabytes before it answers.
    private static readonly TimeSpan LongWorkLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(60);

    /// <summary>How long nothing may move.</summary>
    public TimeSpan Limit { get; init; } = DefaultLimit;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var watch = new Watch(IsLongWork(request) ? LongWorkLimit : Limit, cancellationToken);
        watch.Touch();
        // A refusal is rare, a round trip before each value is not.
        request.Headers.ExpectContinue = false;
        try
        {
            if (request.Content is { } content) request.Content = new WatchedContent(content, watch);
            var response = await base.SendAsync(request, watch.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsStreamAsync(watch.Token).ConfigureAwait(false);
            // The body outlives the call, and so the caller's token.
            var watched = new StreamContent(new WatchedBody(body, new Watch(Limit, CancellationToken.None)));
            foreach (var (name, values) in response.Content.Headers) watched.Headers.TryAddWithoutValidation(name, values);
            response.Content = watched;
            return response;
        }
        catch (OperationCanceledException e) when (watch.HasStalled)
        {
            throw watch.ToException(e);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException refusal)
        {
            // A certificate that is not trusted now will not be in a second either: the SDK repeats only the outer exception.
            ExceptionDispatchInfo.Throw(refusal);
            throw;
        }
    }

    private static bool IsLongWork(HttpRequestMessage request)
        => request.Headers.Contains("x-amz-copy-source")
            || (request.Method == HttpMethod.Post && request.RequestUri?.Query.Contains("uploadId", StringComparison.Ordinal) == true);

    private sealed class Watch(TimeSpan limit, CancellationToken caller) : IDisposable
    {
        private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);

        public CancellationToken Token => _source.Token;

        public bool HasStalled => _source.IsCancellationRequested && !caller.IsCancellationRequested;

        public void Touch() => _source.CancelAfter(limit);

        public void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

        public HttpRequestException ToException(Exception cause)
            => new($"Nothing moved for {limit.TotalSeconds:0} seconds.", new TimeoutException("The server stopped answering.", cause));

        public void Dispose() => _source.Dispose();
    }

    // Counts what is written to the network as progress.
    private sealed class WatchedContent : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly Watch _watch;

        public WatchedContent(HttpContent inner, Watch watch)
        {
            (_inner, _watch) = (inner, watch);
            foreach (var (name, values) in inner.Headers) Headers.TryAddWithoutValidation(name, values);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await _inner.CopyToAsync(new Progress(stream, _watch), context, cancellationToken).ConfigureAwait(false);
            _watch.Touch();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _inner.Headers.ContentLength ?? 0;
            return _inner.Headers.ContentLength is not null;
        }
    }

    private sealed class Progress(Stream target, Watch watch) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await target.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            watch.Touch();
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(byte[] buffer, int offset, int count) => target.Write(buffer, offset, count);

        public override Task FlushAsync(CancellationToken cancellationToken) => target.FlushAsync(cancellationToken);

        public override void Flush() => target.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    // A caller may leave a body unread for long: the clock runs only while one waits for bytes.
    private sealed class WatchedBody(Stream body, Watch watch) : ReadOnlyStream
    {
        public override long Length => throw new NotSupportedException();

        public override int Read(Span<byte> buffer) => body.Read(buffer);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            using var linked = cancellationToken.CanBeCanceled
                ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, watch.Token)
                : null;
            watch.Touch();
            try
            {
                return await body.ReadAsync(buffer, linked?.Token ?? watch.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (watch.HasStalled)
            {
                throw new IOException("The value stopped coming.", watch.ToException(e));
            }
            finally
            {
                watch.Pause();
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                body.Dispose();
                watch.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
