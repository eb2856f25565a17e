using System.Buffers.Binary;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Transport;

namespace BorgStore.Tests.Sftp;

/// <summary>Packets that no server should send end in a clear error, and in a moment.</summary>
public class FuzzTests
{
    private static readonly byte[] Version = [0, 0, 0, 5, 2, 0, 0, 0, 3];

    [Theory]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 2 }, "no packet")] // a length of 4 GiB
    [InlineData(new byte[] { (byte)'W', (byte)'e', (byte)'l', (byte)'c', (byte)'o', (byte)'m', (byte)'e' }, "Welcome")]
    [InlineData(new byte[] { 0, 0, 0, 0 }, "no packet")]
    [InlineData(new byte[] { 0, 0, 0, 5, 101, 0, 0, 0, 3 }, "begins with a packet of kind 101")]
    [InlineData(new byte[] { 0, 0, 0, 5, 2, 0, 0, 0, 2 }, "version 2")]
    [InlineData(new byte[] { 0, 0, 0, 9, 2, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff }, "ends before")]
    public async Task A_wrong_greeting(byte[] greeting, string words)
    {
        var error = await FailAsync(_ => greeting);
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains(words, error.Message);
    }

    [Theory]
    [InlineData(new byte[] { 0, 8, 0, 1, 105 }, "announces")] // a length above the limit
    [InlineData(new byte[] { 0, 0, 0, 5, 105, 9, 9, 9, 9 }, "no request has it")] // an invented number
    [InlineData(new byte[] { 0, 0, 0, 2, 105, 0 }, "ends before")]
    public async Task A_wrong_answer(byte[] answer, string words)
    {
        var error = await FailAsync(packet => packet[0] == 1 ? Version : answer);
        Assert.Contains(words, error.Message);
    }

    [Theory]
    [InlineData(102)]
    [InlineData(103)]
    [InlineData(104)]
    [InlineData(201)]
    [InlineData(77)]
    public async Task An_answer_of_another_kind(byte type)
    {
        var error = await FailAsync(packet => packet[0] == 1 ? Version : Packet(type, packet.AsSpan(1, 4), [0, 0, 0, 0]));
        Assert.Contains($"kind {type}", error.Message);
    }

    [Fact]
    public async Task A_bare_ok_where_more_was_asked_for()
    {
        var error = await FailAsync(packet => packet[0] == 1 ? Version : Packet(101, packet.AsSpan(1, 4), [0, 0, 0, 0]));
        Assert.Contains("bare 'ok'", error.Message);
    }

    [Fact]
    public async Task Any_bytes_at_all()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new Random(seed);
            await using var store = Open(packet =>
            {
                if (packet[0] == 1) return Version;
                // Answers that are nearly right get further than noise does.
                var body = new byte[random.Next(64)];
                random.NextBytes(body);
                if (random.Next(3) == 0 && body.Length >= 4) body.AsSpan(0, 3).Clear();
                byte[] types = [101, 102, 103, 104, 105, 201, (byte)random.Next(256)];
                var answer = Packet(types[random.Next(types.Length)], packet.AsSpan(1, 4), body);
                if (random.Next(8) == 0) answer[random.Next(answer.Length)] ^= (byte)(1 << random.Next(8));
                return answer;
            });
            await TryAsync(() => store.OpenAsync(default));
            await TryAsync(() => store.FindAsync("data/a", default).AsTask());
            await TryAsync(() => store.StoreAsync("data/a", new byte[100], StoreMode.CreateNew, default).AsTask());
            await TryAsync(async () =>
            {
                await using var value = await store.LoadAsync("data/a", ByteRange.Whole, default);
                if (value is { Length: < 1 << 20 }) await value.ReadToEndAsync();
            });
            await TryAsync(async () =>
            {
                var count = 0;
                await foreach (var _ in store.ListAsync("", ListScope.OneLevel, default)) Assert.InRange(++count, 0, 10000);
            });
        }
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 200 << 20);
    }

    private static async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act().WaitAsync(TimeSpan.FromMinutes(1));
        }
        catch (StoreException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private static async Task<StoreException> FailAsync(Func<byte[], byte[]> answer)
    {
        await using var store = Open(answer);
        return await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default).WaitAsync(TimeSpan.FromMinutes(1)));
    }

    private static SftpBackend Open(Func<byte[], byte[]> answer)
        => new(SftpUrl.Parse("sftp://host/store?timeout=2"), new BackendOptions(), _ => ValueTask.FromResult<ISftpTransport>(new ScriptedServer(answer)));

    private static byte[] Packet(byte type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
    {
        var packet = new byte[4 + 1 + id.Length + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, packet.Length - 4);
        packet[4] = type;
        id.CopyTo(packet.AsSpan(5));
        body.CopyTo(packet.AsSpan(5 + id.Length));
        return packet;
    }
}
