using System.Collections.Concurrent;
using System.Net;
using System.Security.Authentication;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3.Connection;

/// <summary>Cancels a request whose transfer stalls in either direction. A transfer that progresses may take any time.</summary>
internal sealed class StallHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>The default of <see cref="Limit"/>.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(60);

    // For copies and completions the server may move gigabytes before it responds.
    private static readonly TimeSpan LongWorkLimit = TimeSpan.FromMinutes(15);

    // A page of a listing: a thousand keys of up to 1024 bytes, each escaped, with their attributes.
    private const int MaxResponseSize = 16 << 20;

    // The servers that have responded in this process.
    private static readonly ConcurrentDictionary<string, byte> RespondingServers = new();

    private static readonly string[] ListQueries = ["list-type=", "uploads", "uploadId="];

    /// <summary>The longest time without progress.</summary>
    public TimeSpan Limit { get; init; } = DefaultLimit;

    /// <summary>Returns the exception for a stalled connection.</summary>
    public static HttpRequestException Stalled(StallWatch watch, Exception cause)
        => new($"No data was transferred for {watch.Limit.TotalSeconds:0} seconds.", new TimeoutException("The server stopped responding.", cause));

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(IsLongWork(request) ? LongWorkLimit : Limit, cancellationToken);
        watch.Start();
        // Refusals are rare, so waiting a round trip before each value is not worthwhile.
        request.Headers.ExpectContinue = false;
        try
        {
            if (request.Content is { } content) request.Content = new StallDetectingContent(content, watch);
            var response = await base.SendAsync(request, watch.Token).ConfigureAwait(false);
            RespondingServers[request.RequestUri!.Authority] = 0;
            if (response.StatusCode == HttpStatusCode.ProxyAuthenticationRequired)
                throw new UnreachableException(ProxyChoice.DescribeAuthenticationFailure(request.RequestUri)) { Error = StoreError.AuthenticationFailed };
            if (RetryAfter.IsBusy(response))
            {
                // The SDK retries only after 503.
                if (response.StatusCode == HttpStatusCode.TooManyRequests) response.StatusCode = HttpStatusCode.ServiceUnavailable;
                watch.Pause();
                if (RetryAfter.Find(response) is { } wait) await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
                watch.Start();
            }
            var body = await response.Content.ReadAsStreamAsync(watch.Token).ConfigureAwait(false);
            // The body outlives the call, and so the caller's token.
            Stream watchedBody = new StallDetectingStream(body, new StallWatch(Limit, CancellationToken.None));
            if (IsValue(request, response))
            {
                if (response.Content.Headers.ContentLength is null) throw S3Errors.InvalidResponse("it does not contain the length of the value");
            }
            else watchedBody = new BoundedStream(watchedBody, MaxResponseSize, TooLong);
            var watched = new StreamContent(watchedBody);
            foreach (var (name, values) in response.Content.Headers) watched.Headers.TryAddWithoutValidation(name, values);
            response.Content = watched;
            return response;
        }
        catch (OperationCanceledException e) when (!watch.Token.IsCancellationRequested && HttpFailure.IsConnectTimeout(e))
        {
            throw new UnreachableException(HttpFailure.Describe(e, request.RequestUri, SharedHttp.AuthorityVariable), e);
        }
        catch (OperationCanceledException e) when (watch.HasStalled)
        {
            throw Stalled(watch, e);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException || HttpFailure.IsConnectionRefused(e)
            || e.HttpRequestError == HttpRequestError.ProxyTunnelError)
        {
            // Retries cannot help with an untrusted certificate. A server that responded before may only be restarting.
            var why = HttpFailure.Describe(e, request.RequestUri, SharedHttp.AuthorityVariable);
            if (HttpFailure.IsConnectionRefused(e) && RespondingServers.ContainsKey(request.RequestUri!.Authority)) throw new HttpRequestException(why, e);
            throw new UnreachableException(why, e);
        }
        catch (HttpRequestException) when (!RespondingServers.ContainsKey(request.RequestUri!.Authority))
        {
            // A server that expects TLS closes every connection without it.
            if (await HttpFailure.DetectTlsAsync(request.RequestUri, cancellationToken).ConfigureAwait(false) is not { } why) throw;
            // The cause is omitted: for an IOException the SDK would retry.
            throw new UnreachableException(why);
        }
    }

    private static bool IsLongWork(HttpRequestMessage request)
        => request.Headers.Contains("x-amz-copy-source")
            || (request.Method == HttpMethod.Post && request.RequestUri?.Query.Contains("uploadId", StringComparison.Ordinal) == true);

    // All other bodies are XML, which the SDK reads into memory.
    private static bool IsValue(HttpRequestMessage request, HttpResponseMessage response)
        => request.Method == HttpMethod.Get && response.IsSuccessStatusCode
            && !ListQueries.Any(query => request.RequestUri?.Query.Contains(query, StringComparison.Ordinal) == true);

    private static StoreException TooLong(long limit) => S3Errors.InvalidResponse($"it has more than {limit} bytes, the maximum for such a response");

    // Counts bytes written to the network as progress.
    private sealed class StallDetectingContent : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly StallWatch _watch;

        public StallDetectingContent(HttpContent inner, StallWatch watch)
        {
            (_inner, _watch) = (inner, watch);
            foreach (var (name, values) in inner.Headers) Headers.TryAddWithoutValidation(name, values);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await _inner.CopyToAsync(new Progress(stream, _watch), context, cancellationToken).ConfigureAwait(false);
            _watch.Start();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _inner.Headers.ContentLength ?? 0;
            return _inner.Headers.ContentLength is not null;
        }
    }

    private sealed class Progress(Stream target, StallWatch watch) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await target.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            watch.Start();
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
}
