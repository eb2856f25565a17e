using System.Diagnostics;
using System.Text;
using BorgStore.Server.Stdio;

namespace BorgStore.Tests.Server;

/// <summary>The server on stdin and stdout.</summary>
public sealed class StdioTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public StdioTests() => Directory.CreateDirectory(_folder.Combine("store"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_stdio_connection_survives_errors_and_idle_time_and_ends_with_stdin()
    {
        using var server = Start("--stdio", "--backend", $"FILE:{_folder.Combine("store")}");
        using var client = new RawClient(new Duplex(server));
        // Like the Python client: without a host, and with a body before any response.
        client.Send($"POST /data/NO HTTP/1.1\r\n{RawClient.Accept}Connection: close\r\nContent-Length: 100000\r\n\r\n");
        client.Send(new byte[100_000]);
        Assert.Equal(400, client.Receive().Status);
        client.Send($"POST /data/a HTTP/1.0\r\n{RawClient.Accept}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nvalue");
        Assert.Equal(200, client.Receive().Status);
        client.Send("POST /data/b HTTP/1.1\r\nContent-Length: 5\r\n\r\nvalue");
        Assert.Equal(406, client.Receive().Status);
        await Task.Delay(3000, TestContext.Current.CancellationToken);

        // Large listings are not chunked here.
        for (var i = 0; i < 1000; i++) await File.WriteAllBytesAsync(_folder.Combine("store", "data", $"{new string('x', 60)}{i}"), [], TestContext.Current.CancellationToken);
        var listing = client.Exchange("GET", "/data/");
        Assert.DoesNotContain("Transfer-Encoding", listing.Headers.Keys);
        Assert.Equal(1001, System.Text.Json.Nodes.JsonNode.Parse(listing.Body)!.AsArray().Count);
        Assert.Equal("value", client.Exchange("GET", "/data/a").Text);

        server.StandardInput.Close();
        Assert.True(server.WaitForExit(10_000));
        Assert.Equal(0, server.ExitCode);
    }

    [Theory]
    [InlineData(new[] { "--restrict-to-path", "{0}" }, true)]
    [InlineData(new[] { "--restrict-to-path", "{0}/store" }, true)]
    [InlineData(new[] { "--restrict-to-path", "{0}/sto" }, false)]
    [InlineData(new[] { "--restrict-to-path", "/" }, true)]
    [InlineData(new[] { "--restrict-to-repository", "/" }, false)]
    [InlineData(new[] { "--restrict-to-path", "{0}/other", "--restrict-to-path", "{0}" }, true)]
    [InlineData(new[] { "--restrict-to-repository", "{0}/store" }, true)]
    [InlineData(new[] { "--restrict-to-repository", "{0}" }, false)]
    [InlineData(new[] { "--restrict-to-path", "{0}", "--restrict-to-repository", "{0}/other" }, false)]
    public void Borgs_command_line_serves_only_allowed_paths(string[] restrictions, bool isServed)
    {
        var arguments = restrictions.Select(argument => argument.Replace("{0}", _folder.Path)).ToArray();
        AssertServes(isServed, ["serve", "--rest", "--umask=077", "--info", "--backend", $"FILE:{_folder.Combine("store")}", .. arguments]);
        // A link counts as its target.
        File.CreateSymbolicLink(_folder.Combine("link"), _folder.Combine("store"));
        AssertServes(isServed, ["serve", "--rest", "--backend", $"FILE:{_folder.Combine("link")}", .. arguments]);
    }

    [Fact]
    public void A_forced_command_takes_only_the_store_from_the_client()
    {
        var command = $"borg serve --rest --permissions=all --restrict-to-path / --backend 'FILE:{_folder.Combine("store")}'";
        AssertServes(true, ["serve", "--rest", "--restrict-to-path", _folder.Path], command);
        AssertServes(false, ["serve", "--rest", "--restrict-to-path", _folder.Combine("other")], command);
    }

    [Fact]
    public void Request_heads_are_rewritten_in_pieces_of_any_size()
    {
        const string Sent = "GET / HTTP/1.0\r\nA: b\r\nConnection: close\r\n\r\nPOST /x HTTP/1.1\nHost: h\ncontent-length: 3\nExpect: 100-continue\n\nGETHEAD / HTTP/1.1\r\n\r\n";
        const string Expected = "GET / HTTP/1.1\r\nA: b\r\nHost: stdio\r\n\r\nPOST /x HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\nGETHEAD / HTTP/1.1\r\nHost: stdio\r\n\r\n";
        for (var size = 1; size <= Sent.Length; size++)
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            var heads = new RequestHeadRewriter(output);
            foreach (var piece in Encoding.ASCII.GetBytes(Sent).Chunk(size)) heads.Write(piece);
            Assert.Equal(Expected, Encoding.ASCII.GetString(output.WrittenSpan));
        }
    }

    private static void AssertServes(bool expected, string[] arguments, string? originalCommand = null)
    {
        using var server = Start(arguments, originalCommand);
        using var client = new RawClient(new Duplex(server));
        int? status = null;
        try
        {
            status = client.Exchange("HEAD", "/").Status;
            server.StandardInput.Close();
        }
        catch (IOException)
        {
            // A server that refuses to serve may have ended before it read anything.
        }
        Assert.True(server.WaitForExit(10_000));
        Assert.Equal((expected ? 200 : null, expected ? 0 : 2), (status, server.ExitCode));
    }

    private static Process Start(params string[] arguments) => Start(arguments, null);

    private static Process Start(string[] arguments, string? originalCommand)
    {
        var start = new ProcessStartInfo(ServerProcess.OurServer, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (originalCommand is not null) start.Environment["SSH_ORIGINAL_COMMAND"] = originalCommand;
        return Process.Start(start)!;
    }

    private sealed class Duplex(Process process) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => process.StandardInput.BaseStream.Flush();
        public override int Read(byte[] buffer, int offset, int count) => process.StandardOutput.BaseStream.Read(buffer, offset, count);
        public override void Write(byte[] buffer, int offset, int count) => process.StandardInput.BaseStream.Write(buffer, offset, count);
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
