using System.Text;
using BorgStore.Server.Hosting;
using BorgStore.Server.Observability;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.Server.Observability;

/// <summary>Lines that many requests add at the same time.</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringWriter _serverLog = new();

    private string Log => _folder.Combine("audit");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_line_is_in_the_file_once_it_is_added()
    {
        using var log = Open();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await log.AddAsync(Line($"{worker}-{i}"));
                Assert.Contains($"{worker}-{i}", await File.ReadAllLinesAsync(Log));
            }
        })));
        Assert.Equal(800, (await File.ReadAllLinesAsync(Log)).Distinct().Count());
    }

    [Fact]
    public async Task After_a_failure_no_change_may_begin_until_all_lines_are_written_in_their_order()
    {
        using var log = Open();
        Assert.True(log.MayChange());
        await log.AddAsync(Line("first"));
        File.Move(Log, Log + ".1");
        Directory.CreateDirectory(Log);
        // These had begun before.
        await log.AddAsync(Line("second"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => log.AddAsync(Line("later")))));
        Assert.False(log.MayChange());
        Directory.Delete(Log);
        Assert.True(log.MayChange());
        await log.AddAsync(Line("last"));
        var lines = await File.ReadAllLinesAsync(Log);
        Assert.Equal(["second", .. Enumerable.Repeat("later", 20), "last"], lines);
        // Each is in the server's own log, once.
        var words = _serverLog.ToString();
        Assert.Equal(1, words.Split("Unwritten: second").Length - 1);
        Assert.Equal(20, words.Split("Unwritten: later").Length - 1);
        Assert.Contains("complete again", words);
    }

    private static byte[] Line(string text) => Encoding.UTF8.GetBytes(text + "\n");

    private AuditLog Open() => new(new LogFile(Log, maxSize: 0, keep: 0), flushToDisk: false, new LineLogger(LogLevel.Information, _serverLog));
}
