using System.Diagnostics;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>Reads a part of an open file in order, with requests ahead of what was asked for.</summary>
/// <param name="connection">Where.</param>
/// <param name="handle">The file; closed with the download.</param>
/// <param name="start">The first byte.</param>
/// <param name="end">The byte after the last.</param>
internal sealed class Download(SftpConnection connection, byte[] handle, long start, long end) : IAsyncDisposable
{
    private readonly Queue<(Task<Reply> Answer, long Offset, int Length, bool IsAhead)> _inFlight = new();
    private long _asked = start;
    private long _missing;
    private long _missingEnd;
    private int _bytesInFlight;

    /// <summary>Fetches the next bytes.</summary>
    /// <returns>The bytes; to be disposed. The refusal of the server where there is one.</returns>
    public async ValueTask<Reply> NextAsync()
    {
        AskMore();
        // A server may send less than was asked for; the rest comes before all that follows.
        if (_missing < _missingEnd)
        {
            var rest = await connection.SendAsync(
                new ReadRequest(handle, _missing, (int)(_missingEnd - _missing))).ConfigureAwait(false);
            return Check(rest, _missing, (int)(_missingEnd - _missing));
        }
        var next = _inFlight.Dequeue();
        _bytesInFlight -= next.Length;
        if (next.IsAhead) connection.ReadAhead.Return(next.Length);
        return Check(await next.Answer.ConfigureAwait(false), next.Offset, next.Length);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
        foreach (var late in _inFlight)
        {
            if (late.IsAhead) connection.ReadAhead.Return(late.Length);
        }
        await Reply.DropAsync(_inFlight.Select(late => late.Answer)).ConfigureAwait(false);
    }

    private async Task<Reply> ReadAsync(long offset, int length)
    {
        var departure = Stopwatch.GetTimestamp();
        var reply = await connection.SendAsync(new ReadRequest(handle, offset, length)).ConfigureAwait(false);
        connection.DownloadFlow.Arrive(length, departure);
        return reply;
    }

    private Reply Check(Reply reply, long offset, int length)
    {
        var count = reply.Content.Length;
        if (count > length) throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was asked for.");
        (_missing, _missingEnd) = (offset + count, offset + length);
        return reply;
    }

    private void AskMore()
    {
        while (_asked < end && _bytesInFlight < connection.DownloadFlow.Window)
        {
            var length = (int)Math.Min(connection.Features.ReadSize, end - _asked);
            var isAhead = _inFlight.Count > 0;
            if (isAhead && !connection.ReadAhead.TryTake(length)) return;
            _inFlight.Enqueue((ReadAsync(_asked, length), _asked, length, isAhead));
            _asked += length;
            _bytesInFlight += length;
        }
    }
}
