using System.Diagnostics;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>Reads a part of an open file in order, requesting ahead of the reader.</summary>
/// <param name="connection">The connection.</param>
/// <param name="handle">The file, which is closed with the download.</param>
/// <param name="start">The first byte.</param>
/// <param name="end">The byte after the last.</param>
internal sealed class Download(SftpConnection connection, byte[] handle, long start, long end) : IAsyncDisposable
{
    private readonly Queue<PendingRead> _inFlight = new();
    private long _requested = start;
    private long _missing;
    private long _missingEnd;
    private int _bytesInFlight;

    /// <summary>Reads the next bytes.</summary>
    /// <returns>The bytes, to be disposed, or the server's refusal.</returns>
    public async ValueTask<Reply> NextAsync()
    {
        SendReads();
        // A server may send less than requested; the rest must be read before what follows.
        if (_missing < _missingEnd)
        {
            var rest = await connection.SendAsync(
                new ReadRequest(handle, _missing, (int)(_missingEnd - _missing))).ConfigureAwait(false);
            return Check(rest, _missing, (int)(_missingEnd - _missing));
        }
        if (!_inFlight.Peek().ReplyTask.IsCompleted) await WaitForHalfAsync().ConfigureAwait(false);
        var next = _inFlight.Dequeue();
        _bytesInFlight -= next.Length;
        if (next.IsAhead) connection.ReadAhead.Return(next.Length);
        return Check(await next.ReplyTask.ConfigureAwait(false), next.Offset, next.Length);
    }

    // Waking up for every block would cost more than handling it. Meanwhile the other half keeps the connection busy.
    private async ValueTask WaitForHalfAsync()
    {
        var middle = _inFlight.ElementAt(_inFlight.Count / 2);
        var answer = middle.ReplyTask.AsTask();
        middle.ReplyTask = new(answer);
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
        foreach (var late in _inFlight)
        {
            if (late.IsAhead) connection.ReadAhead.Return(late.Length);
        }
        while (_inFlight.TryDequeue(out var late)) await Reply.DropAsync(late.ReplyTask).ConfigureAwait(false);
    }

    private Reply Check(Reply reply, long offset, int length)
    {
        var count = reply.Content.Length;
        if (count > length) throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was requested.");
        (_missing, _missingEnd) = (offset + count, offset + length);
        return reply;
    }

    private void SendReads()
    {
        while (_requested < end && _bytesInFlight < connection.DownloadFlow.Window)
        {
            var length = (int)Math.Min(connection.Features.ReadSize, end - _requested);
            var isAhead = _inFlight.Count > 0;
            if (isAhead && !connection.ReadAhead.TryTake(length)) return;
            var departure = Stopwatch.GetTimestamp();
            var answer = connection.SendAsync(
                new ReadRequest(handle, _requested, length), () => connection.DownloadFlow.RecordArrival(length, departure));
            _inFlight.Enqueue(new(answer, _requested, length, isAhead));
            _requested += length;
            _bytesInFlight += length;
        }
    }

    private sealed class PendingRead(ValueTask<Reply> answer, long offset, int length, bool isAhead)
    {
        public ValueTask<Reply> ReplyTask { get; set; } = answer;
        public long Offset => offset;
        public int Length => length;
        public bool IsAhead => isAhead;
    }
}
