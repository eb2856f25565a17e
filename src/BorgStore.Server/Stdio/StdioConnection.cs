using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace BorgStore.Server.Stdio;

/// <summary>A pair of streams as a Kestrel connection.</summary>
internal sealed class StdioConnection : ConnectionContext
{
    private readonly Stream _input;
    private readonly Stream _output;
    private readonly Action _ended;
    private readonly Pipe _received = new(new(useSynchronizationContext: false, pauseWriterThreshold: 256 << 10, resumeWriterThreshold: 128 << 10));
    private readonly Pipe _toSend = new(new(useSynchronizationContext: false, pauseWriterThreshold: 256 << 10, resumeWriterThreshold: 128 << 10));
    private readonly CancellationTokenSource _closed = new();
    private readonly Task _sending;

    public StdioConnection(EndPoint endpoint, Stream input, Stream output, Action ended)
    {
        (_input, _output, _ended) = (input, output, ended);
        LocalEndPoint = RemoteEndPoint = endpoint;
        ConnectionClosed = _closed.Token;
        Transport = new Duplex(_received.Reader, _toSend.Writer);
        // Reads and writes of pipes block their threads.
        new Thread(Receive) { IsBackground = true, Name = "stdin" }.Start();
        _sending = Task.Factory.StartNew(SendAsync, default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
    }

    public override string ConnectionId { get; set; } = "stdio";

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override IDuplexPipe Transport { get; set; }

    public override void Abort(ConnectionAbortedException abortReason) => Abort();

    public override void Abort()
    {
        _toSend.Reader.CancelPendingRead();
        _closed.Cancel();
    }

    public override async ValueTask DisposeAsync()
    {
        Transport.Input.Complete();
        Transport.Output.Complete();
        await _sending;
        await base.DisposeAsync();
        _ended();
    }

    private void Receive()
    {
        var heads = new RequestHeadRewriter(_received.Writer);
        try
        {
            var buffer = new byte[64 << 10];
            while (_input.Read(buffer) is > 0 and var count)
            {
                heads.Write(buffer.AsSpan(0, count));
                if (_received.Writer.FlushAsync().AsTask().GetAwaiter().GetResult().IsCompleted) break;
            }
            _received.Writer.Complete();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            _received.Writer.Complete(e);
        }
    }

    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                var result = await _toSend.Reader.ReadAsync();
                foreach (var segment in result.Buffer) _output.Write(segment.Span);
                _output.Flush();
                _toSend.Reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted || result.IsCanceled) break;
            }
            _toSend.Reader.Complete();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The client no longer reads the responses.
            _toSend.Reader.Complete(e);
            _closed.Cancel();
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
