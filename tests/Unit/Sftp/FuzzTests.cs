using System.Buffers.Binary;
using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Hashing;
using BorgStore.Backends.Sftp.Listing;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Hashing;

namespace BorgStore.Tests.Sftp;

/// <summary>Packets that no server should send quickly result in a clear error.</summary>
public class FuzzTests
{
    private static readonly byte[] Version = [0, 0, 0, 5, 2, 0, 0, 0, 3];

    [Theory]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 2 }, "not a packet")] // a length of 4 GiB
    [InlineData(new byte[] { (byte)'W', (byte)'e', (byte)'l', (byte)'c', (byte)'o', (byte)'m', (byte)'e' }, "Welcome")]
    [InlineData(new byte[] { 0, 0, 0, 0 }, "not a packet")]
    [InlineData(new byte[] { 0, 0, 0, 5, 101, 0, 0, 0, 3 }, "begins with a packet of kind 101")]
    [InlineData(new byte[] { 0, 0, 0, 5, 2, 0, 0, 0, 2 }, "version 2")]
    [InlineData(new byte[] { 0, 0, 0, 9, 2, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff }, "shorter than")]
    public async Task A_malformed_greeting_is_rejected(byte[] greeting, string words)
    {
        var error = await FailAsync(_ => greeting);
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains(words, error.Message);
    }

    [Theory]
    [InlineData(new byte[] { 0, 8, 0, 1, 105 }, "announces")] // a length above the limit
    [InlineData(new byte[] { 0, 0, 0, 5, 105, 9, 9, 9, 9 }, "no request has it")] // an invented number
    [InlineData(new byte[] { 0, 0, 0, 2, 105, 0 }, "shorter than")]
    public async Task A_malformed_response_is_rejected(byte[] answer, string words)
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
    public async Task A_response_of_the_wrong_type_is_rejected(byte type)
    {
        var error = await FailAsync(packet => packet[0] == 1 ? Version : Answers.Packet(type, packet.AsSpan(1, 4), [0, 0, 0, 0]));
        Assert.Contains($"kind {type}", error.Message);
    }

    [Fact]
    public async Task An_ok_status_instead_of_data_is_rejected()
    {
        var error = await FailAsync(packet => packet[0] == 1 ? Version : Answers.Packet(101, packet.AsSpan(1, 4), [0, 0, 0, 0]));
        Assert.Contains("bare 'ok'", error.Message);
    }

    [Fact]
    public async Task Random_responses_only_cause_store_exceptions()
        => await FuzzAsync(LongTests.Choose(200, 4000), static (random, packet) =>
        {
            // Almost valid answers get further than noise.
            var body = new byte[random.Next(64)];
            random.NextBytes(body);
            if (random.Next(3) == 0 && body.Length >= 4) body.AsSpan(0, 3).Clear();
            byte[] types = [101, 102, 103, 104, 105, 201, (byte)random.Next(256)];
            var answer = Answers.Packet(types[random.Next(types.Length)], Answers.IdOf(packet), body);
            if (random.Next(8) == 0) answer[random.Next(answer.Length)] ^= (byte)(1 << random.Next(8));
            return answer;
        });

    [Fact]
    public async Task Mutated_valid_responses_only_cause_store_exceptions()
        => await FuzzAsync(LongTests.Choose(200, 20_000), static (random, packet) =>
        {
            var answer = AnswerRightly(random, packet);
            return random.Next(10) == 0 ? Mutate(random, answer, start: random.Next(40) == 0 ? 0 : 9) : answer;
        });

    // Each answer is parsed separately, which covers far more of them than whole operations would.
    [Fact]
    public void Every_response_is_either_parsed_or_rejected()
    {
        byte[][] right =
        [
            Answers.Names(("a", Answers.File), ("b", Answers.Folder), ("c", Answers.Link)), Answers.Attributes(Answers.File, 100), Answers.Text("handle"),
            [0, 0, 0, 4, .. Answers.Text("no"), .. Answers.Text("en")], [.. Answers.Text("sha256"), .. new byte[32]],
            [.. Answers.Text("check-file"), .. Answers.Text("sha256"), .. new byte[32]], new byte[32], new byte[88],
            Answers.Version("limits@openssh.com", "copy-data")[5..],
        ];
        PacketType[] types = [PacketType.Status, PacketType.Handle, PacketType.Data, PacketType.Name, PacketType.Attributes, PacketType.ExtendedReply];
        var random = new Random(1);
        var before = HeldMemory.Measure();
        var refused = 0;
        for (var i = 0; i < LongTests.Choose(20_000, 1_000_000); i++)
        {
            var body = right[random.Next(right.Length)].ToArray();
            if (random.Next(10) > 0) body = Mutate(random, body, 0);
            if (random.Next(10) == 0) random.NextBytes(body);
            var type = types[random.Next(types.Length)];
            Read(() =>
            {
                var reader = new PacketReader(body);
                using var reply = Reply.Read(type, type, ref reader);
            });
            Read(() =>
            {
                var entries = new EntryCollector();
                entries.Add(body);
                Assert.All(entries.Sort(), entry => Assert.False(entry.Name.Length == 0 || entry.Name.Contains('/') || entry.Name.Contains('\0') || entry.Attributes.Size < 0));
            });
            Read(() =>
            {
                var reader = new PacketReader(body);
                var features = ServerFeatures.Read(ref reader);
                features.ReadLimits(body);
                Assert.InRange(features.ReadSize, 512, 255 * 1024);
                Assert.InRange(features.WriteSize, 512, 255 * 1024);
                Assert.InRange(features.Handles, 4, 4096);
            });
            Read(() => Assert.InRange(SftpBackend.ReadFileSystem(body).Free, 0, long.MaxValue));
            Read(() => Assert.Matches("^[0-9a-f]{64}$", CheckFile.ReadDigest(body, HashKind.Sha256) ?? new string('0', 64)));
            Read(() => Assert.Matches("^[0-9a-f]{64}$",
                HashPrograms.ParseOutput(System.Text.Encoding.Latin1.GetString(body), HashKind.Sha256)?.Digest ?? new string('0', 64)));
        }
        Assert.NotEqual(0, refused);
        HeldMemory.AssertReleased(before, 100 << 20);

        void Read(Action read)
        {
            try
            {
                read();
            }
            catch (ProtocolException)
            {
                refused++;
            }
        }
    }

    private static byte[] Mutate(Random random, byte[] bytes, int start)
    {
        byte[] interesting = [0, 1, 0x7f, 0x80, 0xff, (byte)'/', (byte)'.', (byte)random.Next(256)];
        for (var changes = random.Next(1, 4); changes > 0 && bytes.Length > start; changes--)
        {
            var at = random.Next(start, bytes.Length);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes = bytes[..at];
                    break;
                case 2:
                    bytes = [.. bytes[..at], interesting[random.Next(interesting.Length)], .. bytes[at..]];
                    break;
                default:
                    bytes[at] = interesting[random.Next(interesting.Length)];
                    break;
            }
        }
        // Usually with the correct length, because the client would otherwise wait for more.
        if (start > 0 && bytes.Length > 4) BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
        return bytes;
    }

    /// <summary>Answers like a server with two levels of directories that have files of 100 bytes.</summary>
    private static byte[] AnswerRightly(Random random, byte[] request)
    {
        var text = Answers.FirstTextOf(request);
        var isFolder = text is "store" or "store/data";
        switch ((PacketType)request[0])
        {
            case PacketType.OpenDirectory:
                return isFolder ? Answers.Handle(request, (byte)(text == "store" ? 1 : 2)) : Answers.Status(request, 2);
            case PacketType.ReadDirectory when random.Next(2) == 0:
                return text == "\x01" ? Answers.Names(request, ("data", Answers.Folder), ("x.tmp", Answers.File))
                    : Answers.Names(request, ("a", Answers.File), ("b", Answers.Link), ("c", 0));
            case PacketType.ReadDirectory:
                return Answers.Status(request, 1);
            case PacketType.Open:
                return Answers.Handle(request, 3);
            case PacketType.Read:
                return Answers.Data(request, new byte[Math.Min(100, BinaryPrimitives.ReadInt32BigEndian(request.AsSpan(request.Length - 4)))]);
            case PacketType.Stat or PacketType.LinkStat or PacketType.HandleStat:
                return Answers.Attributes(request, isFolder ? Answers.Folder : Answers.File, 100);
            case PacketType.ReadLink:
                return Answers.Status(request, 4);
            case PacketType.Extended when text is Extension.Limits or Extension.FileSystemStat:
                return Answers.Extended(request, new byte[88]);
            case PacketType.Extended when text.StartsWith(Extension.CheckFile, StringComparison.Ordinal):
                return Answers.Extended(request, [.. Answers.Text("sha256"), .. new byte[32]]);
            default:
                return Answers.Status(request, (byte)(random.Next(8) == 0 ? 4 : 0));
        }
    }

    private static async Task FuzzAsync(int count, Func<Random, byte[], byte[]> answer)
    {
        var unobserved = new ConcurrentQueue<Exception>();
        void Observe(object? sender, UnobservedTaskExceptionEventArgs e)
        {
            // Other tests run at the same time.
            if (e.Exception.ToString().Contains("BorgStore.Backends.Sftp", StringComparison.Ordinal)) unobserved.Enqueue(e.Exception);
        }

        TaskScheduler.UnobservedTaskException += Observe;
        var before = HeldMemory.Measure();
        for (var seed = 0; seed < count; seed++)
        {
            var random = new Random(seed);
            byte[] version = seed % 3 == 0 ? Version
                : seed % 3 == 1 ? Answers.Version(Extension.CheckFile, Extension.FileSystemStat, Extension.HardLink)
                : Answers.Version(Extension.Limits, Extension.FileSystemStat, Extension.PosixRename, Extension.Fsync, Extension.CopyData);
            var store = Open(packet => packet[0] == 1 ? version : answer(random, packet));
            await TryAsync(() => store.OpenAsync(default));
            foreach (var operate in Operations.OrderBy(_ => random.Next()).Take(8)) await TryAsync(() => operate(store));
            await TryAsync(() => store.DisposeAsync().AsTask());
            await using var unopened = Open(packet => packet[0] == 1 ? version : answer(random, packet));
            await TryAsync(() => unopened.DestroyAsync(default));
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();
        TaskScheduler.UnobservedTaskException -= Observe;
        Assert.Empty(unobserved);
        HeldMemory.AssertReleased(before, 200 << 20);
    }

    private static readonly Func<SftpBackend, Task>[] Operations =
    [
        store => store.FindAsync("data/a", default).AsTask(),
        store => store.StoreAsync("data/a", new byte[100], StoreMode.CreateNew, default).AsTask(),
        store => store.StoreAsync("data/a", new byte[100_000], StoreMode.Overwrite, default).AsTask(),
        async store => await ReadAsync(await store.LoadAsync("data/a", ByteRange.Whole, default)),
        async store => await ReadAsync(await store.LoadAsync("data/a", new ByteRange(-5), default)),
        store => store.DeleteAsync("data/a", default).AsTask(),
        store => store.MoveAsync("data/a", "data/b", StoreMode.CreateNew, default).AsTask(),
        store => store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, default).AsTask(),
        store => CountAsync(store.ListAsync("", ListScope.OneLevel, default), item => item.Name),
        store => CountAsync(store.ListAsync("", ListScope.Tree, default), item => item.Name),
        store => CountAsync(store.ListTemporaryAsync(TimeSpan.Zero, default), item => item.Id),
        store => store.DeleteTemporaryAsync(new("data/x.tmp", 1, default), default).AsTask(),
        store => store.HashAsync("data/a", HashKind.Sha256, default).AsTask(),
        async store => await ReadAsync(await store.GatherAsync([new("data/a", 1, 50), new("data/b", -3, 2)], default)),
        store => store.DefragAsync(new([new("data/a", 0, 10), new("data/b", 5, 5)]) { Target = "data/c" }, default).AsTask(),
        store => store.DefragAsync(new([new("data/a", 0, 10)]) { Algorithm = HashKind.Sha256, Namespace = "data" }, default).AsTask(),
        store => store.CopyFromAsync(store.FindOrigin("data/a")!, "data/b", StoreMode.Overwrite, default).AsTask(),
        store => store.FlushAsync(default).AsTask(),
    ];

    private static async Task ReadAsync(ValueStream? value)
    {
        if (value is null) return;
        await using (value)
            if (value.Length < 1 << 20) await value.ReadToEndAsync();
    }

    private static async Task CountAsync<T>(IAsyncEnumerable<T> items, Func<T, string> nameOf)
    {
        var count = 0;
        await foreach (var item in items)
        {
            Assert.InRange(++count, 0, 10000);
            Assert.All(nameOf(item).Split('/'), element => Assert.False(element is "" or "." or ".."));
        }
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
}
