using BorgStore.Naming;

namespace BorgStore.Tests.Naming;

public class ItemNameTests
{
    [Theory]
    [InlineData("config/main")]
    [InlineData("with-dash_and.dot")]
    [InlineData("data/ab/cd/abcd")]
    [InlineData("console")]
    [InlineData("com")]
    public void Names_valid_on_every_platform_can_be_written(string name) => ItemName.CheckWritable(name, name);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("/etc/passwd", "begins")]
    [InlineData("data/", "ends")]
    [InlineData("../up", "'..'")]
    [InlineData("a..b", "'..'")]
    [InlineData("Config/main", "upper-case")]
    [InlineData("a b", "space")]
    [InlineData("a\\b", "elements")]
    [InlineData("ä", "ASCII")]
    [InlineData("a\nb", "control character 0x0a")]
    [InlineData("x.tmp", "internal")]
    [InlineData("x.hid", "internal")]
    [InlineData("c:/windows/x", "':'")]
    [InlineData("a/b*", "'*'")]
    [InlineData("a//b", "empty element")]
    [InlineData("con", "device")]
    [InlineData("data/nul.txt", "device")]
    [InlineData("data/com1", "device")]
    [InlineData("data/x.", "dot")]
    public void Other_names_are_rejected_with_the_reason(string name, string reason)
    {
        var error = Assert.Throws<StoreException>(() => ItemName.CheckWritable(name, name));
        Assert.Equal(StoreError.InvalidName, error.Error);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_limit_of_a_hundred_characters_includes_the_suffix_of_soft_deletion()
    {
        ItemName.CheckWritable(new string('a', 96), "name");
        Assert.Throws<StoreException>(() => ItemName.CheckWritable(new string('a', 97), "name"));
        ItemName.CheckWritable(new string('a', 96) + ".del", "name");
        ItemName.CheckReadable(new string('a', 100), "name");
        Assert.Throws<StoreException>(() => ItemName.CheckReadable(new string('a', 101), "name"));
    }

    [Theory]
    [InlineData("a:b")]
    [InlineData("con")]
    [InlineData("x.")]
    public void Names_written_by_the_Python_package_can_be_read_if_the_platform_allows_them(string name)
    {
        Assert.Null(ItemName.DescribeProblem(name, writing: false, windows: false));
        Assert.NotNull(ItemName.DescribeProblem(name, writing: false, windows: true));
        Assert.NotNull(ItemName.DescribeProblem(name, writing: true, windows: false));
    }

    [Theory]
    [InlineData("abc", true)]
    [InlineData("abc.del", true)]
    [InlineData("abc.tmp", false)]
    [InlineData("quota.hid", false)]
    [InlineData("README", false)]
    [InlineData("", false)]
    public void Only_names_of_items_are_listable(string element, bool listable) => Assert.Equal(listable, ItemName.IsListable(element));
}
