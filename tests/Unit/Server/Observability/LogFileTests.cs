using System.Text;
using BorgStore.Server.Observability;

namespace BorgStore.Tests.Server.Observability;

/// <summary>Files of whole lines that are rotated by size.</summary>
public sealed class LogFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Log => _folder.Combine("log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_full_file_is_renamed_and_the_oldest_one_deleted()
    {
        using (var file = new LogFile(Log, maxSize: 100, keep: 2))
            for (var i = 0; i < 40; i++) file.Append(Line(i));
        Assert.Equal(["log", "log.1", "log.2", "log.lock"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        // Ten lines of ten bytes fit.
        Assert.Equal(Enumerable.Range(30, 10), Read(Log));
        Assert.Equal(Enumerable.Range(20, 10), Read(Log + ".1"));
        Assert.Equal(Enumerable.Range(10, 10), Read(Log + ".2"));
    }

    [Fact]
    public void Without_earlier_files_a_full_one_is_replaced()
    {
        using (var file = new LogFile(Log, maxSize: 100, keep: 0))
            for (var i = 0; i < 15; i++) file.Append(Line(i));
        Assert.Equal(["log", "log.lock"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Enumerable.Range(10, 5), Read(Log));
    }

    [Fact]
    public void A_line_that_a_crash_cut_off_does_not_spoil_the_next_one()
    {
        File.WriteAllText(Log, "123456789\n1234");
        using (var file = new LogFile(Log, maxSize: 0, keep: 0)) file.Append(Line(5));
        Assert.Equal(["123456789", "1234", "000000005"], File.ReadAllLines(Log));
    }

    [Fact]
    public void Another_program_may_rename_the_file()
    {
        using var file = new LogFile(Log, maxSize: 0, keep: 0);
        file.Append(Line(1));
        File.Move(Log, Log + ".moved");
        file.Append(Line(2));
        Assert.Equal([1], Read(Log + ".moved"));
        Assert.Equal([2], Read(Log));
    }

    [Fact]
    public void Another_program_may_empty_the_file_or_add_to_it()
    {
        using var file = new LogFile(Log, maxSize: 0, keep: 0);
        file.Append(Line(1));
        using (var other = new FileStream(Log, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) other.SetLength(0);
        file.Append(Line(2));
        using (var other = new FileStream(Log, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) other.Write("34"u8);
        file.Append(Line(5));
        Assert.Equal(["000000002", "34", "000000005"], File.ReadAllLines(Log));
    }

    [Fact]
    public void What_others_add_to_a_renamed_file_is_not_overwritten()
    {
        using var file = new LogFile(Log, maxSize: 0, keep: 0);
        file.Append(Line(1));
        File.Move(Log, Log + ".moved");
        File.WriteAllBytes(Log, Line(2));
        using (var other = new FileStream(Log + ".moved", FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) other.Write(Line(3));
        file.Append(Line(4));
        Assert.Equal([1, 3], Read(Log + ".moved"));
        Assert.Equal([2, 4], Read(Log));
    }

    [Fact]
    public async Task Several_writers_lose_no_line_and_break_none()
    {
        const int PerWriter = 300;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            using var file = new LogFile(Log, maxSize: 2000, keep: 20);
            for (var i = 0; i < PerWriter; i++) file.Append(Line((writer * PerWriter) + i));
        })));
        var found = Directory.GetFiles(_folder.Path, "log*").Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)).SelectMany(Read);
        Assert.Equal(Enumerable.Range(0, 4 * PerWriter), found.Order());
    }

    private static byte[] Line(int number) => Encoding.ASCII.GetBytes($"{number:000000000}\n");

    private static IEnumerable<int> Read(string path) => File.ReadLines(path).Select(line => line.Length == 9 ? int.Parse(line) : throw new InvalidDataException(line));
}
