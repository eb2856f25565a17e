using System.Buffers;
using System.Buffers.Binary;
using BorgStore.Backends.Sftp.Hashing;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>A connection to an SFTP server, with any number of requests in flight, answered in any order.</summary>
/// <remarks>One loop writes queued requests, as many as there are at once; another reads answers and
/// assigns them to their requests. A failure of the connection fails all requests in flight.</remarks>
internal sealed class SftpConnection : IAsyncDisposable
{
    private const int MaxPacketSize = 512 * 1024;
    private const int ReadBufferSize = 2 * MaxPacketSize;

    // With less, a fast connection would be idle between two wake-ups of a waiting thread, which occur when
    // half of it is through; with more it would not be faster, because ssh has a window of 2 MiB per channel.
    private const int MinInFlight = 2 * 1024 * 1024;
    private const int MaxInFlight = 4 * 1024 * 1024;
    private const int BytesReadAhead = 16 * 1024 * 1024;

    // A server is silent while it syncs, copies or hashes: most servers handle one request after another, so that
    // no other request can probe it, and ssh's own probes only reach sshd. Hence a longer timeout, in which any
    // disk completes a part of a copy or a sync. Only a hash may take longer; it is then computed in another way.
    private const int LongRequestTimeoutFactor = 15;

    private readonly object _lock = new();
    private readonly RequestTable _requests = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource<ServerFeatures> _handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ISftpTransport _transport;
    private readonly TimeSpan _timeout;
    private readonly Task[] _loops;
    private PacketWriter _queued = new();
    private PacketWriter _spare = new();
    private ConnectionFailure? _failure;
    private Task _explaining = Task.CompletedTask;
    private bool _isWriterWaiting;
    private bool _isClosing;
    private long _lastActivity = Environment.TickCount64;

    private SftpConnection(ISftpTransport transport, TimeSpan timeout)
    {
        _transport = transport;
        _timeout = timeout;
        _queued.Begin(PacketType.Init);
        _queued.Write(3u);
        _queued.End();
        _loops = [RunOnDedicatedThread("SFTP reader", Read), RunOnDedicatedThread("SFTP writer", Write), WatchAsync()];
    }

    /// <summary>The features of the server.</summary>
    public ServerFeatures Features { get; private set; } = null!;

    /// <summary>The limit for bytes of values in flight to the server.</summary>
    public Credits Upload { get; } = new(MinInFlight, inBatches: true);

    /// <summary>The measured number of bytes that should be in flight to the server.</summary>
    public FlowControl UploadFlow { get; } = new(MinInFlight, MaxInFlight);

    /// <summary>The measured number of bytes that should be in flight from the server.</summary>
    public FlowControl DownloadFlow { get; } = new(MinInFlight, MaxInFlight);

    /// <summary>The limit for bytes that are read ahead of their consumers.</summary>
    public Credits ReadAhead { get; } = new(BytesReadAhead);

    /// <summary>The limit for open directory handles.</summary>
    public Credits Handles { get; private set; } = null!;

    /// <summary>Why the connection failed; <see langword="null"/> while it works.</summary>
    public ConnectionFailure? Failure => Volatile.Read(ref _failure);

    /// <summary>The computation of hashes on the server.</summary>
    public ServerHashing Hashing { get; private set; } = null!;

    /// <summary>The number of requests that wait for an answer.</summary>
    public int Waiting => _requests.Waiting;

    /// <summary>Opens a connection over a transport, which the connection then owns.</summary>
    /// <param name="transport">The transport to the server.</param>
    /// <param name="timeout">How long the server may be silent while requests are waiting.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<SftpConnection> OpenAsync(ISftpTransport transport, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var connection = new SftpConnection(transport, timeout);
        try
        {
            connection.Features = await connection._handshake.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (connection.Features.Has(Extension.Limits))
            {
                using var limits = await connection.SendAsync(new PlainExtendedRequest(Extension.Limits)).ConfigureAwait(false);
                if (limits.IsOk) connection.Features.ReadLimits(limits.Content.Span);
            }
            connection.Hashing = new(connection, transport, timeout);
            connection.Handles = new(connection.Features.Handles / 2);
            return connection;
        }
        catch (Exception e)
        {
            connection.Fail(new(StoreError.ConnectionLost, "The connection attempt was abandoned."));
            await connection.DisposeAsync().ConfigureAwait(false);
            if (e is ProtocolException wrong) throw Broken(wrong).ToException();
            throw;
        }
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="arrived">Called once when the answer or a failure has arrived, whether or not it is
    /// awaited yet. It runs on the connection's reader, so it must be short and must not throw.</param>
    /// <returns>The answer, to be awaited exactly once.</returns>
    public ValueTask<Reply> SendAsync<TRequest>(in TRequest request, Action? arrived = null) where TRequest : struct, IRequest
    {
        if (Queue(request, isForgotten: false, arrived, out var failure) is { } pending) return pending.ReplyTask;
        arrived?.Invoke();
        return ValueTask.FromException<Reply>(failure!.ToException());
    }

    /// <summary>Sends a request whose result does not matter, such as closing a handle after reading.</summary>
    /// <param name="request">The request.</param>
    public void SendAndForget<TRequest>(in TRequest request) where TRequest : struct, IRequest
        => Queue(request, isForgotten: true, arrived: null, out _);

    /// <summary>Sends queued requests, waits for those in flight, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _isClosing = true;
            if (_requests.Waiting == 0) _idle.TrySetResult();
        }
        await _idle.Task.ConfigureAwait(false);
        lock (_lock) _failure ??= new(StoreError.StoreNotOpen, "The connection is closed.");
        if (Hashing is not null) await Hashing.DisposeAsync().ConfigureAwait(false);
        await _ended.CancelAsync().ConfigureAwait(false);
        lock (_lock) Monitor.PulseAll(_lock);
        await _transport.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        await _explaining.ConfigureAwait(false);
        _ended.Dispose();
        _queued.Dispose();
        _spare.Dispose();
    }

    private PendingRequest? Queue<TRequest>(in TRequest request, bool isForgotten, Action? arrived, out ConnectionFailure? failure)
        where TRequest : struct, IRequest
    {
        PendingRequest pending;
        lock (_lock)
        {
            failure = _failure;
            if (failure is not null) return null;
            if (_requests.Waiting == 0) Volatile.Write(ref _lastActivity, Environment.TickCount64);
            pending = _requests.Add(request, isForgotten, arrived);
            _queued.Begin(request.Type);
            _queued.Write(pending.Id);
            request.Write(_queued);
            _queued.End();
            if (_isWriterWaiting) Monitor.PulseAll(_lock);
        }
        return pending;
    }

    // ssh delivers data in small pieces. A pool thread would be woken for each, and spin in between.
    private Task RunOnDedicatedThread(string name, Action loop)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                loop();
            }
            catch (Exception e)
            {
                // An exception that leaves a thread would terminate the process.
                Fail(new(StoreError.BackendFailure, $"The connection failed: {e.Message}"));
            }
            finally
            {
                ended.SetResult();
            }
        })
        { IsBackground = true, Name = name }.Start();
        return ended.Task;
    }

    private void Write()
    {
        try
        {
            while (TakeQueued())
            {
                // As an array: a stream that has only that form of writing would otherwise copy it.
                var written = _spare.Written;
                _transport.Stream.Write(written.Array!, written.Offset, written.Count);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The reader detects the end too, and knows the reason better.
        }
    }

    /// <summary>Waits for queued requests.</summary>
    /// <returns><see langword="false"/> if the connection has ended.</returns>
    private bool TakeQueued()
    {
        lock (_lock)
        {
            _spare.Clear();
            while (_queued.Length == 0)
            {
                if (_ended.IsCancellationRequested || _failure is not null) return false;
                _isWriterWaiting = true;
                Monitor.Wait(_lock);
            }
            _isWriterWaiting = false;
            (_queued, _spare) = (_spare, _queued);
            return true;
        }
    }

    private void Read()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ReadBufferSize);
        try
        {
            var (start, end) = (0, 0);
            while (_transport.Stream.Read(buffer, end, buffer.Length - end) is > 0 and var read)
            {
                Volatile.Write(ref _lastActivity, Environment.TickCount64);
                end += read;
                start += Handle(buffer.AsSpan(start, end - start));
                if (start == end)
                {
                    (start, end) = (0, 0);
                }
                else if (buffer.Length - start < MaxPacketSize + sizeof(uint))
                {
                    buffer.AsSpan(start, end - start).CopyTo(buffer);
                    (start, end) = (0, end - start);
                }
            }
            FailAtEnd();
        }
        catch (ProtocolException e)
        {
            Fail(Broken(e));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            FailAtEnd();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void FailAtEnd()
        => _explaining = ExplainAsync();

    private async Task ExplainAsync()
        => Fail(await _transport.ExplainEndAsync(_handshake.Task.IsCompletedSuccessfully).ConfigureAwait(false));

    /// <summary>Handles all complete packets.</summary>
    /// <returns>The number of bytes handled.</returns>
    private int Handle(ReadOnlySpan<byte> bytes)
    {
        var done = 0;
        while (bytes.Length - done >= sizeof(uint))
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[done..]);
            if (length is 0 or > MaxPacketSize) throw InvalidLength(length, bytes[done..]);
            if (bytes.Length - done - sizeof(uint) < length) break;
            Handle(new PacketReader(bytes.Slice(done + sizeof(uint), (int)length)));
            done += sizeof(uint) + (int)length;
        }
        return done;
    }

    private void Handle(PacketReader packet)
    {
        var type = (PacketType)packet.ReadByte();
        if (!_handshake.Task.IsCompleted)
        {
            if (type != PacketType.Version) throw new ProtocolException($"it begins with a packet of kind {(byte)type}");
            _handshake.TrySetResult(ServerFeatures.Read(ref packet));
            return;
        }

        PendingRequest pending;
        lock (_lock)
        {
            pending = _requests.Take(packet.ReadUInt32());
            if (_isClosing && _requests.Waiting == 0) _idle.TrySetResult();
        }
        try
        {
            pending.Complete(Reply.Read(type, pending.Expected, ref packet));
        }
        catch (ProtocolException e)
        {
            // It was removed from the table, so the connection's failure no longer reaches it.
            pending.Fail(Broken(e).ToException());
            throw;
        }
    }

    // The server's shell may print a greeting before SFTP starts, which looks like a very long packet.
    private ProtocolException InvalidLength(uint length, ReadOnlySpan<byte> bytes)
    {
        if (_handshake.Task.IsCompleted) return new($"a packet announces {length} bytes");
        var text = string.Concat(bytes[..Math.Min(bytes.Length, 80)].ToArray().Select(b => b is >= 32 and < 127 ? (char)b : ' ')).Trim();
        return new($"it begins with '{text}', which is not a packet; perhaps a start-up file of the shell prints that");
    }

    /// <summary>Returns the failure for a malformed answer.</summary>
    /// <param name="problem">What is wrong with the answer.</param>
    public static ConnectionFailure Broken(ProtocolException problem)
        => new(StoreError.BackendFailure, $"The server violated the SFTP protocol: {problem.Message}.");

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(_timeout / 4);
            while (await timer.WaitForNextTickAsync(_ended.Token).ConfigureAwait(false))
            {
                var owes = !_handshake.Task.IsCompleted || _requests.Waiting > 0;
                var silence = TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _lastActivity));
                if (!owes || silence < (_requests.Long > 0 ? LongRequestTimeoutFactor * _timeout : _timeout)) continue;
                Fail(new(StoreError.Timeout, $"The SFTP server has not answered for {silence.TotalSeconds:0} seconds."));
            }
        }
        catch (OperationCanceledException)
        {
            // The connection has ended.
        }
    }

    private void Fail(ConnectionFailure failure)
    {
        List<PendingRequest> waiting;
        lock (_lock)
        {
            if (_failure is not null) return;
            _failure = failure;
            waiting = _requests.TakeAll();
            Monitor.PulseAll(_lock);
            _idle.TrySetResult();
        }
        foreach (var request in waiting) request.Fail(failure.ToException());
        _handshake.TrySetException(failure.ToException());
        _ = _handshake.Task.Exception;
        // Unblock the loops, which wait on the transport; data in flight is lost anyway.
        _transport.Abort();
    }
}

/// <summary>Work whose caller no longer waits.</summary>
internal static class AbandonedTask
{
    /// <summary>Waits for the work, observes its failure, and disposes its result, which may hold a handle on the server.</summary>
    /// <param name="work">The work.</param>
    public static async Task ObserveAsync<T>(Task<T> work)
    {
        try
        {
            if (await work.ConfigureAwait(false) is IAsyncDisposable late) await late.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreException or OperationCanceledException)
        {
            // The caller no longer waits for it.
        }
    }
}

/// <summary>Why a connection could not be established or was lost.</summary>
/// <param name="Error">The kind of error.</param>
/// <param name="Message">What was tried, why it failed, what to do.</param>
/// <param name="WasRejected">Whether the server had no room for another connection.</param>
internal sealed record ConnectionFailure(StoreError Error, string Message, bool WasRejected = false)
{
    /// <summary>Whether a retry may help.</summary>
    public bool MayPass => Error is StoreError.ConnectionLost or StoreError.Timeout;

    /// <summary>Returns a new exception, one for each caller.</summary>
    public StoreException ToException() => new(Error, Message) { WasRejected = WasRejected };
}
