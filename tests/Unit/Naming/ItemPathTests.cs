using BorgStore.Naming;

namespace BorgStore.Tests.Naming;

/// <summary>The files that items are exported to.</summary>
public sealed class ItemPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("config/main", "config/main")]
    [InlineData("a", "a")]
    [InlineData("data/a.b-c_d!~", "data/a.b-c_d!~")]
    [InlineData("com/con1/xcon/com12/comx/lpt/lptx", "com/con1/xcon/com12/comx/lpt/lptx")]
    [InlineData("a:b*c?d\"e<f>g|h%i\\j", "a%3ab%2ac%3fd%22e%3cf%3eg%7ch%25i%5cj")]
    [InlineData("a b\nc\u007f", "a%20b%0ac%7f")]
    [InlineData("data./x.", "data%2e/x%2e")]
    [InlineData("../x", ".%2e/x")]
    [InlineData("con/nul.txt", "%63on/%6eul.txt")]
    [InlineData("prn", "%70rn")]
    [InlineData("aux", "%61ux")]
    [InlineData("conin$/conout$", "%63onin$/%63onout$")]
    [InlineData("com1/lpt9.x", "%63om1/%6cpt9.x")]
    public void A_file_path_is_valid_on_every_platform_and_leads_back_to_the_name(string name, string path)
    {
        var file = ItemPath.Combine(_folder.Path, name);
        Assert.Equal(_folder.Combine(path.Split('/')), file);
        Write(file);
        Assert.Equal([(file, name, false)], Find());
    }

    [Fact]
    public void A_soft_deleted_item_is_a_file_of_its_own()
    {
        var (file, deleted) = (ItemPath.Combine(_folder.Path, "data/a"), ItemPath.Combine(_folder.Path, "data/a", deleted: true));
        Assert.Equal(_folder.Combine("data", "a.del"), deleted);
        Write(file);
        Write(deleted);
        Assert.Equal([(file, "data/a", false), (deleted, "data/a", true)], Find());
    }

    [Theory]
    [InlineData("100%")]
    [InlineData("1%a")]
    [InlineData("50%off")]
    [InlineData("%zz")]
    public void A_percent_sign_that_escapes_nothing_stays(string name)
    {
        Write(_folder.Combine(name));
        Assert.Equal(name, Find().Single().Name);
    }

    [Fact]
    public void Files_below_a_folder_are_found_without_links_and_unfinished_ones()
    {
        Write(_folder.Combine("data", "ab", "a%41"));
        Write(_folder.Combine("data", "x.tmp"));
        Write(_folder.Combine("other", "b"));
        using var elsewhere = new TemporaryFolder();
        Write(elsewhere.Combine("secret"));
        File.CreateSymbolicLink(_folder.Combine("data", "link"), elsewhere.Combine("secret"));
        Directory.CreateSymbolicLink(_folder.Combine("data", "linked"), elsewhere.Path);
        Assert.Equal(["data/ab/aA"], ItemPath.Enumerate(_folder.Path, _folder.Combine("data")).Select(item => item.Name));
        Assert.Equal(["data/ab/aA", "other/b"], Find().Select(item => item.Name));
    }

    private static void Write(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "");
    }

    private IEnumerable<(string File, string Name, bool IsDeleted)> Find()
        => ItemPath.Enumerate(_folder.Path, _folder.Path).Select(item => (item.File.FullName, item.Name, item.IsDeleted)).OrderBy(item => item.FullName, StringComparer.Ordinal);
}
