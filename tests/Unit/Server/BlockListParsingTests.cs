using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using BorgStore.Backends;
using BorgStore.Server.Http;

namespace BorgStore.Tests.Server;

/// <summary>Lists of blocks in the bodies of requests.</summary>
public sealed class BlockListParsingTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly List<(string Name, bool IsNew)> _admitted = [];

    [Theory]
    [InlineData("[]", "")]
    [InlineData("[[\"data/a\",0,10]]", "data/a 0 10")]
    [InlineData(" [ [ \"data/a\" , 0 , 0 ] , [ \"data/b\" , 9223372036854775807 , 9223372036854775807 ] ] ", "data/a 0 0; data/b 9223372036854775807 9223372036854775807")]
    [InlineData("[[\"a\",1,2],[\"a\",3,4],[\"b\",5,6],[\"a\",7,8]]", "a 1 2; a 3 4; b 5 6; a 7 8")]
    [InlineData("[[\"\\u0061\\/b\",1,2],[\"a/b\",1,2]]", "a/b 1 2; a/b 1 2")]
    public async Task A_list_is_parsed_however_it_arrives(string json, string expected)
    {
        foreach (var size in new[] { json.Length, 1, 7 })
        {
            _admitted.Clear();
            var blocks = await ReadInPartsAsync(json, size, allowNegativeOffsets: false);
            Assert.Equal(expected, string.Join("; ", blocks.Select(block => $"{block.Name} {block.Offset} {block.Length}")));
            Assert.Equal(blocks.Select(block => block.Name), _admitted.Select(admitted => admitted.Name));
        }
    }

    [Fact]
    public async Task A_name_is_new_unless_the_block_before_has_it()
    {
        await ReadAsync("[[\"a\",1,2],[\"a\",3,4],[\"b\",5,6],[\"a\",7,8]]");
        Assert.Equal([("a", true), ("a", false), ("b", true), ("a", true)], _admitted);
    }

    [Fact]
    public async Task An_offset_is_negative_only_where_that_is_allowed()
    {
        Assert.Equal([new Block("a", -5, 5)], await ReadInPartsAsync("[[\"a\",-5,5]]", 100, allowNegativeOffsets: true));
        await AssertMalformedAsync("[[\"a\",-5,5]]");
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[[\"a\",0,1]")]
    [InlineData("[[\"a\",0,1]]]")]
    [InlineData("[[\"a\",0,1]][]")]
    [InlineData("[]x")]
    [InlineData("{}")]
    [InlineData("5")]
    [InlineData("null")]
    [InlineData("\"a\"")]
    [InlineData("[5]")]
    [InlineData("[\"a\",0,1]")]
    [InlineData("[[]]")]
    [InlineData("[[\"a\"]]")]
    [InlineData("[[\"a\",0]]")]
    [InlineData("[[\"a\",0,1,2]]")]
    [InlineData("[[0,\"a\",1]]")]
    [InlineData("[[null,0,1]]")]
    [InlineData("[[\"a\",\"0\",1]]")]
    [InlineData("[[\"a\",0,\"1\"]]")]
    [InlineData("[[\"a\",0,-1]]")]
    [InlineData("[[\"a\",0.5,1]]")]
    [InlineData("[[\"a\",0,1.5]]")]
    [InlineData("[[\"a\",9223372036854775808,1]]")]
    [InlineData("[[\"a\",0,9223372036854775808]]")]
    [InlineData("[[\"a\",[0],1]]")]
    [InlineData("[[\"a\",0,1],]")]
    [InlineData("[[\"\\ud800\",0,1]]")]
    [InlineData("[/**/]")]
    public async Task Anything_else_is_malformed(string json)
    {
        await AssertMalformedAsync(json);
        await AssertMalformedAsync(json, size: 1);
    }

    [Fact]
    public async Task A_name_is_checked()
    {
        foreach (var name in new[] { "", "A", "a//b", "./a", "a\\nb", new string('a', 101) })
            Assert.Equal(StoreError.InvalidName, (await Assert.ThrowsAsync<StoreException>(() => ReadAsync($"[[\"{name}\",0,1]]"))).Error);
    }

    [Fact]
    public async Task A_token_is_limited_but_not_the_list()
    {
        var escaped = string.Concat(Enumerable.Repeat("\\u0061", 100));
        Assert.Equal(1000, (await ReadInPartsAsync($"[{string.Join(',', Enumerable.Repeat($"[\"{escaped}\",0,1]", 1000))}]", 1000, false)).Count);
        await ReadInPartsAsync("[" + new string(' ', 4000) + "]", 100, false);
        // The rest of a token that is too long is not waited for.
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes("[[\"" + new string('a', 4097)), Ct);
        var error = await Assert.ThrowsAsync<StoreException>(async () => await BlockList.ReadAsync(pipe.Reader, false, (_, _) => { }, Ct));
        Assert.Equal(StoreError.InvalidArgument, error.Error);
        // The body remains readable.
        await pipe.Writer.CompleteAsync();
        Assert.True((await pipe.Reader.ReadAsync(Ct)).Buffer.IsEmpty);
    }

    [Fact]
    public async Task A_list_has_at_most_100000_blocks()
    {
        Assert.Equal(100_000, (await ReadAsync(List(100_000))).Count);
        Assert.Contains("more than 100000", (await Assert.ThrowsAsync<StoreException>(() => ReadAsync(List(100_001)))).Message, StringComparison.Ordinal);

        static string List(int count) => $"[{string.Join(',', Enumerable.Repeat("[\"a\",0,1]", count))}]";
    }

    [Fact]
    public async Task A_refused_block_ends_the_reading()
    {
        var error = await Assert.ThrowsAsync<StoreException>(async () => await BlockList.ReadAsync(PipeOf("[[\"a\",0,1],[\"b\",0,1],[\"c\",0,1]]"), false,
            (name, _) =>
            {
                _admitted.Add((name, true));
                if (name == "b") throw new StoreException(StoreError.PermissionDenied);
            }, Ct));
        Assert.Equal(StoreError.PermissionDenied, error.Error);
        Assert.Equal(2, _admitted.Count);
    }

    private async Task AssertMalformedAsync(string json, int size = 1000)
    {
        var error = await Assert.ThrowsAsync<StoreException>(() => ReadInPartsAsync(json, size, allowNegativeOffsets: false));
        Assert.Equal((StoreError.InvalidArgument, "The body is no JSON of the form [[name, offset, size], ...]."), (error.Error, error.Message));
    }

    private Task<IReadOnlyList<Block>> ReadAsync(string json) => ReadInPartsAsync(json, json.Length + 1, allowNegativeOffsets: false);

    private async Task<IReadOnlyList<Block>> ReadInPartsAsync(string json, int size, bool allowNegativeOffsets)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var reading = BlockList.ReadAsync(pipe.Reader, allowNegativeOffsets, (name, isNew) => _admitted.Add((name, isNew)), Ct).AsTask();
        foreach (var part in Encoding.UTF8.GetBytes(json).Chunk(size)) await pipe.Writer.WriteAsync(part, Ct);
        await pipe.Writer.CompleteAsync();
        return await reading;
    }

    private static PipeReader PipeOf(string json) => PipeReader.Create(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(json)));
}
