using System.Text;
using System.Text.Json.Nodes;
using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Tests.Rclone;

/// <summary>Values that are sent along with the call.</summary>
public sealed class RcloneFormTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private RcloneServerManager? _service;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _service = new RcloneServerManager(RcloneProgram.Require());
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_service is not null) await _service.StopAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("\r\n")]
    [InlineData("--\r\n\r\n--boundary--\r\n")]
    public async Task A_value_arrives_unchanged(string text)
    {
        var server = await _service!.GetServerAsync(Ct);
        await server.Forms.SendAsync(_folder.Path, "a b/x.tmp", Encoding.ASCII.GetBytes(text));
        Assert.Equal(text, await File.ReadAllTextAsync(_folder.Combine("a b/x.tmp"), Ct));
    }

    [Fact]
    public async Task One_failing_value_of_a_batch_does_not_fail_the_others()
    {
        const int count = 40;
        var server = await _service!.GetServerAsync(Ct);
        Directory.CreateDirectory(_folder.Combine("data/20.tmp"));
        var sent = Enumerable.Range(0, count).Select(i => server.Forms.SendAsync(_folder.Path, $"data/{i}.tmp", new[] { (byte)i })).ToList();
        for (var i = 0; i < count; i++)
        {
            if (i == 20)
            {
                await Assert.ThrowsAsync<RcloneFailure>(() => sent[20]);
                continue;
            }
            await sent[i];
            Assert.Equal([(byte)i], await File.ReadAllBytesAsync(_folder.Combine($"data/{i}.tmp"), Ct));
        }
    }

    [Fact]
    public async Task A_truncated_value_leaves_no_file()
    {
        var server = await _service!.GetServerAsync(Ct);
        var call = RcloneFormRequest.Create(_folder.Path, "data", [("x.tmp", new byte[10_000])]);
        var body = await call.Content!.ReadAsByteArrayAsync(Ct);
        var type = call.Content.Headers.ContentType;
        call.Content = new StreamContent(new MemoryStream(body, 0, 5_000)) { Headers = { ContentType = type, ContentLength = body.Length } };
        await Assert.ThrowsAsync<RcloneFailure>(() => server.CallAsync(call, Ct));

        // Rclone counts the failure after cleaning up.
        while (await server.CallAsync("core/stats", new JsonObject { ["group"] = RcloneServer.Group }, answer => answer.GetProperty("errors").GetInt64(), Ct) == 0)
            await Task.Delay(10, Ct);
        Assert.Empty(Directory.EnumerateFiles(_folder.Combine("data")));
    }
}
