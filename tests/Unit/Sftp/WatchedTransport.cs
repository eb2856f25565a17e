using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Processes;

namespace BorgStore.Tests.Sftp;

/// <summary>A connection to a real server that counts the requests, and the round trips they would take on a very long connection.</summary>
/// <param name="line">The connection. Its server answers in the order of the requests.</param>
/// <param name="hidden">Extensions to remove from the server's announcement.</param>
internal sealed class WatchedTransport(ISftpTransport line, params string[] hidden) : ISftpTransport
{
    // Long compared to the time between an answer and the client's next request, so that a round does not end early on any machine.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentDictionary<string, int> _requests = new();
    private readonly Pipe _toClient = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly Pipe _toServer = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly object _lock = new();
    private DuplexStream? _stream;
    private int _sent;
    private int _let;
    private int _answered;
    private int _full;
    private int _rounds;
    private uint? _lost;

    // Locked, because the reader and the writer start at the same time.
    public Stream Stream
    {
        get
        {
            lock (_lock) return _stream ??= Start();
        }
    }

    /// <summary>An extension to add to the server's announcement.</summary>
    public string? Announced { get; init; }

    /// <summary>An extension to answer as unsupported, although the server announces it.</summary>
    public string? Denied { get; set; }

    /// <summary>Returns whether to lose the connection at a kind of request, before the server receives it or before it answers.</summary>
    public Func<string, Loss>? Loses { get; set; }

    /// <summary>Returns the number of requests of a kind, which is a packet type or the name of an extension.</summary>
    public int Count(string kind) => _requests.GetValueOrDefault(kind);

    /// <summary>The number of requests of any kind.</summary>
    public int Requests => Volatile.Read(ref _sent);

    /// <summary>Repeatedly holds back all answers until the client has sent a number of requests, or sends no more without an answer.</summary>
    /// <param name="full">The number of requests that ends a round.</param>
    /// <param name="act">The operation to watch.</param>
    /// <returns>The number of rounds.</returns>
    public async Task<int> CountRoundsAsync(int full, Func<Task> act)
    {
        (_let, _rounds) = (_sent, 0);
        Volatile.Write(ref _full, full);
        await act();
        Volatile.Write(ref _full, 0);
        return _rounds;
    }

    public IRunningProgram? StartProgram(string command) => line.StartProgram(command);

    public ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake) => line.ExplainEndAsync(hadHandshake);

    public void Abort() => line.Abort();

    public async ValueTask DisposeAsync()
    {
        await _toServer.Writer.CompleteAsync();
        await line.DisposeAsync();
    }

    private DuplexStream Start()
    {
        _ = PassAsync(_toServer.Reader.AsStream(), line.Stream, packet =>
        {
            var type = (PacketType)packet[4];
            if (type == PacketType.Init) return new(packet);
            var kind = type == PacketType.Extended ? Encoding.ASCII.GetString(packet, 13, packet[12]) : type.ToString();
            _requests.AddOrUpdate(kind, 1, static (_, count) => count + 1);
            Interlocked.Increment(ref _sent);
            if (kind == Denied) packet[12 + packet[12]] ^= 1;
            var loss = Loses?.Invoke(kind) ?? Loss.None;
            if (loss == Loss.Request) throw Lose();
            if (loss == Loss.Answer) _lost = IdOf(packet);
            return new(packet);
        });
        _ = PassAsync(line.Stream, _toClient.Writer.AsStream(), async packet =>
        {
            if (packet[4] == (byte)PacketType.Version) return Announce(packet);
            if (IdOf(packet) == _lost) throw Lose();
            await WaitForTurnAsync();
            _answered++;
            return packet;
        });
        return new(_toClient.Reader.AsStream(), _toServer.Writer.AsStream());
    }

    private IOException Lose()
    {
        line.Abort();
        return new("The line is lost.");
    }

    private static uint IdOf(byte[] packet) => BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(5));

    private async Task WaitForTurnAsync()
    {
        var (sent, since) = (0, Stopwatch.GetTimestamp());
        while (Volatile.Read(ref _full) is > 0 and var full && _answered >= _let)
        {
            if (sent != Requests) (sent, since) = (Requests, Stopwatch.GetTimestamp());
            if (sent - _let >= full || Stopwatch.GetElapsedTime(since) > Quiet)
            {
                _let = sent;
                _rounds++;
            }
            else
            {
                await Task.Delay(1);
            }
        }
    }

    private byte[] Announce(byte[] version)
    {
        const int Head = 9; // length, type, version
        var shown = new MemoryStream();
        shown.Write(version, 0, Head);
        for (int start = Head, end; start < version.Length; start = end)
        {
            var data = start + 4 + LengthAt(start);
            end = data + 4 + LengthAt(data);
            if (!hidden.Contains(Encoding.ASCII.GetString(version[(start + 4)..data]))) shown.Write(version, start, end - start);
        }
        if (Announced is not null) shown.Write([0, 0, 0, (byte)Announced.Length, .. Encoding.ASCII.GetBytes(Announced), 0, 0, 0, 0]);
        var result = shown.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(result, result.Length - 4);
        return result;

        int LengthAt(int position) => BinaryPrimitives.ReadInt32BigEndian(version.AsSpan(position));
    }

    // Passes packets, each with its length.
    private static async Task PassAsync(Stream from, Stream to, Func<byte[], ValueTask<byte[]>> pass)
    {
        try
        {
            var length = new byte[4];
            while (await from.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false) == 4)
            {
                var packet = new byte[4 + BinaryPrimitives.ReadInt32BigEndian(length)];
                length.CopyTo(packet, 0);
                await from.ReadExactlyAsync(packet.AsMemory(4));
                await to.WriteAsync(await pass(packet));
                await to.FlushAsync();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection was closed.
        }
        await to.DisposeAsync();
    }
}

/// <summary>The part of an exchange that is lost with a connection.</summary>
internal enum Loss
{
    None,
    Request,
    Answer,
}
