using System.Globalization;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Caching;

/// <summary>Kills processes while they use a cache. <c>BORGSTORE_TEST_LONG=1</c> adds many more rounds.</summary>
[Trait("Category", "Long")]
public sealed class CacheCrashTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static int Rounds => Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") == "1" ? 200 : 10;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task After_a_kill_the_cache_never_differs_from_the_storage()
    {
        var (store, cache) = (_folder.Combine("store"), _folder.Combine("cache"));
        Directory.CreateDirectory(store);
        var compared = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using var storm = Programs.StartStorm("cache", new Uri(store).AbsoluteUri, new Uri(cache).AbsoluteUri, round.ToString(CultureInfo.InvariantCulture));
            Assert.Equal("ready", await storm.StandardOutput.ReadLineAsync(Ct));
            var reading = storm.StandardOutput.ReadToEndAsync(Ct);
            await Task.Delay(200 + (round * 37 % 300), Ct);
            Assert.False(storm.HasExited);
            storm.Kill();
            await storm.WaitForExitAsync(Ct);
            Assert.Equal("", await reading);

            foreach (var file in Directory.EnumerateFiles(cache, "*", SearchOption.AllDirectories))
            {
                if (Path.GetExtension(file) is ".tmp" or ".hid") continue;
                var original = Path.Combine(store, Path.GetRelativePath(cache, file));
                Assert.True(File.Exists(original), $"{file} is cached and not in the store");
                Assert.Equal(await File.ReadAllBytesAsync(original, Ct), await File.ReadAllBytesAsync(file, Ct));
                compared++;
            }
        }
        Assert.True(compared > Rounds);
    }
}
