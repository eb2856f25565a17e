namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task Clearing_leftovers_and_destroying_do_not_follow_links()
    {
        using var outside = new TemporaryFolder();
        Directory.CreateDirectory(outside.Combine("below"));
        string[] files = ["item", "left.tmp", "below/item", "below/left.tmp"];
        foreach (var file in files) await System.IO.File.WriteAllBytesAsync(outside.Combine(file), [1], Ct);
        await StoreAsync("data/ab/a", [1]);
        foreach (var (link, target) in new[]
        {
            ("linked", ""), ("data/linked", ""), ("data/ab/linked", "below"), ("data/linked.tmp", "left.tmp"), ("data/folder.tmp", "below"), ("data/gone", "none"),
        })
        {
            if (!await PutRawLinkAsync(link, outside.Combine(target))) Assert.Skip("No link can be put past this backend.");
        }

        Assert.Empty(await Store.ListTemporaryAsync(TimeSpan.FromHours(-1), Ct).ToListAsync(Ct));
        AssertUntouched();
        await Store.DisposeAsync();
        await using var another = await CreateBackendAsync();
        await another.DestroyAsync(Ct);
        AssertUntouched();
        await AssertFailsAsync(StoreError.StoreDoesNotExist, () => another.OpenAsync(Ct));

        void AssertUntouched() => Assert.All(files, file => Assert.True(System.IO.File.Exists(outside.Combine(file)), file));
    }

    [Fact]
    public async Task Deleting_an_unfinished_item_does_not_follow_links()
    {
        using var outside = new TemporaryFolder();
        await System.IO.File.WriteAllBytesAsync(outside.Combine("left.tmp"), [1], Ct);
        await StoreAsync("data/a", [1]);
        if (!await PutRawLinkAsync("data/linked", outside.Combine(""))) Assert.Skip("No link can be put past this backend.");

        Assert.False(await Store.DeleteTemporaryAsync(new("data/linked/left.tmp", 1, DateTime.UtcNow.AddDays(1)), Ct));
        Assert.True(System.IO.File.Exists(outside.Combine("left.tmp")));
    }

    /// <summary>Creates a symbolic link on this machine, with the directories above it.</summary>
    /// <returns><see langword="false"/> on Windows, where only administrators may do so.</returns>
    protected static ValueTask<bool> MakeLink(string path, string target)
    {
        if (OperatingSystem.IsWindows()) return new(false);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.CreateSymbolicLink(path, target);
        return new(true);
    }
}
