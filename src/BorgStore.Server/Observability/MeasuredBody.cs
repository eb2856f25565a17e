using System.IO.Pipelines;
using BorgStore.Backends;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BorgStore.Server.Observability;

/// <summary>Counts the bytes of the bodies of a request and its response. The headers say how many there should be, but a request may be cut off,
/// and one in chunks has no length.</summary>
internal sealed class MeasuredBody : IHttpResponseBodyFeature, IRequestBodyPipeFeature
{
    private readonly IHttpResponseBodyFeature _response;
    private readonly CountingReader _reader;
    private readonly CountingWriter _writer;
    private long _receivedByStream;

    private MeasuredBody(IFeatureCollection features)
    {
        _response = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _writer = new(_response.Writer);
        // Replacing the stream first would replace the reader.
        _reader = new(features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader);
        var request = features.GetRequiredFeature<IHttpRequestFeature>();
        request.Body = new CountingStream(request.Body, this);
        features.Set<IHttpResponseBodyFeature>(this);
        features.Set<IRequestBodyPipeFeature>(this);
    }

    /// <summary>The bytes of the request's body that were read so far. It is read as a stream or from the pipe.</summary>
    public long Received => _receivedByStream + _reader.Count;

    /// <summary>The bytes of the response's body that were written so far.</summary>
    public long Sent => _writer.Count;

    public PipeReader Reader => _reader;

    public PipeWriter Writer => _writer;

    public Stream Stream => _writer.AsStream(leaveOpen: true);

    /// <summary>Counts the bodies of a request from now on.</summary>
    public static MeasuredBody Attach(HttpContext context) => new(context.Features);

    public void DisableBuffering() => _response.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => _response.StartAsync(cancellationToken);

    public Task CompleteAsync() => _response.CompleteAsync();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
        => SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    private sealed class CountingWriter(PipeWriter inner) : PipeWriter
    {
        public long Count { get; private set; }

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            Count += bytes;
            inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            Count += source.Length;
            return inner.WriteAsync(source, cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    private sealed class CountingReader(PipeReader inner) : PipeReader
    {
        private System.Buffers.ReadOnlySequence<byte> _last;

        public long Count { get; private set; }

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => Note(await inner.ReadAsync(cancellationToken));

        public override bool TryRead(out ReadResult result)
        {
            var isRead = inner.TryRead(out result);
            if (isRead) Note(result);
            return isRead;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            Count += _last.Slice(0, consumed).Length;
            _last = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        protected override async ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken)
            => Note(await inner.ReadAtLeastAsync(minimumSize, cancellationToken));

        private ReadResult Note(ReadResult result)
        {
            _last = result.Buffer;
            return result;
        }
    }

    private sealed class CountingStream(Stream inner, MeasuredBody body) : ReadOnlyStream
    {
        public override long Length => inner.Length;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            body._receivedByStream += read;
            return read;
        }
    }
}
