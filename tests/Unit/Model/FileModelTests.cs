using BorgStore.Layout;
using BorgStore.Tests.Caching;

namespace BorgStore.Tests.Model;

/// <summary>Folders, with and without a cache, against the model.</summary>
public sealed class FileModelTests
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(1.5);

    [Theory]
    [InlineData(false, Durability.None)]
    [InlineData(false, Durability.Each)]
    [InlineData(true, Durability.None)]
    public async Task A_folder_agrees_with_the_model(bool portable, Durability durability)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || portable, "Other systems use the portable way.");
        Wine.Skip("it does not replace an open file.");
        await using var place = await ModelPlace.OnFolderAsync(portable, durability);
        var run = await new ModelRun(place).RunAsync(Usual);
        Assert.True(run.Checked > 300);
    }

    [Theory]
    [InlineData(CacheMode.WriteThrough, null)]
    [InlineData(CacheMode.WriteThrough, 150_000L)]
    [InlineData(CacheMode.Mirror, null)]
    public async Task A_cached_folder_agrees_with_the_model(CacheMode mode, long? size)
    {
        Wine.Skip("it does not replace an open file.");
        await using var place = await ModelPlace.CachedAsync($"{mode} cache{(size is null ? "" : " with little room")}", new(mode) { Size = size });
        await new ModelRun(place).RunAsync(Usual);
    }

    [Fact]
    public async Task A_cached_folder_agrees_with_the_model_while_its_clock_jumps()
    {
        Wine.Skip("it does not replace an open file.");
        var clock = new ManualClock();
        await using var place = await ModelPlace.CachedAsync("cache with a jumping clock", new(CacheMode.WriteThrough) { Size = 1 << 20, MaxAge = TimeSpan.FromMinutes(5) }, clock);
        var run = await new ModelRun(place, new ModelFault("clock", random =>
        {
            clock.Advance(TimeSpan.FromMinutes(random.Next(-60, 70)));
            return Task.FromResult<int[]?>(null);
        })).RunAsync(Usual);
        Assert.True(run.Faults > 0);
    }
}
