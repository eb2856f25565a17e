using BorgStore.Naming;

namespace BorgStore.Tests.Naming;

public class ItemNameTests
{
    [Theory]
    [InlineData("config/main")]
    [InlineData("with-dash_and.dot")]
    [InlineData("data/ab/cd/abcd")]
    [InlineData("!#$%&'()+,;=@[]^`{}~")]
    [InlineData("console")]
    [InlineData("com")]
    [InlineData("com.1")]
    [InlineData("comx")]
    [InlineData("com12")]
    [InlineData("xcon/lptx/conin/conoutx")]
    [InlineData("1con")]
    [InlineData("x.con")]
    [InlineData("lost+found.1/xlost+found")]
    [InlineData("x.tmp/x.hid/x")]
    [InlineData("x.del")]
    [InlineData("a.b/.c")]
    public void Names_valid_on_every_platform_can_be_written(string name)
    {
        ItemName.CheckWritable(name, name);
        Assert.True(ItemName.IsPortable(name));
        Assert.True(ItemName.IsReadable(name));
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("/etc/passwd", "it begins or ends with '/'")]
    [InlineData("data/", "it begins or ends with '/'")]
    [InlineData("../up", "it contains '..'")]
    [InlineData("a..b", "it contains '..'")]
    [InlineData("Config/main", "it contains the upper-case letter 'C'; names are lower case")]
    [InlineData("aZ", "it contains the upper-case letter 'Z'; names are lower case")]
    [InlineData("aA", "it contains the upper-case letter 'A'; names are lower case")]
    [InlineData("a b", "it contains a space")]
    [InlineData("a\\b", "it contains '\\'; elements are separated by '/'")]
    [InlineData("\u00e4", "it contains a character outside ASCII")]
    [InlineData("a\u0080", "it contains a character outside ASCII")]
    [InlineData("a\nb", "it contains the control character 0x0a")]
    [InlineData("a\u001f", "it contains the control character 0x1f")]
    [InlineData("a\u007f", "it contains the control character 0x7f")]
    [InlineData("x.tmp", "names that end in '.tmp' or '.hid' are reserved for internal use")]
    [InlineData("data/x.hid", "names that end in '.tmp' or '.hid' are reserved for internal use")]
    [InlineData("c:/windows/x", "it contains ':', which not every platform allows in a file name")]
    [InlineData("a/b*", "it contains '*', which not every platform allows in a file name")]
    [InlineData("a?", "it contains '?', which not every platform allows in a file name")]
    [InlineData("a\"", "it contains '\"', which not every platform allows in a file name")]
    [InlineData("a<", "it contains '<', which not every platform allows in a file name")]
    [InlineData("a>", "it contains '>', which not every platform allows in a file name")]
    [InlineData("a|", "it contains '|', which not every platform allows in a file name")]
    [InlineData("a//b", "it contains an empty element ('//')")]
    [InlineData("con", "'con' is the name of a device on Windows")]
    [InlineData("data/prn/x", "'prn' is the name of a device on Windows")]
    [InlineData("data/aux", "'aux' is the name of a device on Windows")]
    [InlineData("data/nul.txt", "'nul.txt' is the name of a device on Windows")]
    [InlineData("com1", "'com1' is the name of a device on Windows")]
    [InlineData("data/lpt9.a.b", "'lpt9.a.b' is the name of a device on Windows")]
    [InlineData("conin$", "'conin$' is the name of a device on Windows")]
    [InlineData("conout$.x", "'conout$.x' is the name of a device on Windows")]
    [InlineData("data/x.", "one of its elements ends in a dot")]
    [InlineData("data./x", "one of its elements ends in a dot")]
    [InlineData("lost+found", "'lost+found' is a folder that file systems reserve for themselves")]
    [InlineData("data/lost+found/x", "'lost+found' is a folder that file systems reserve for themselves")]
    [InlineData("data/.del", "there is no key before '.del'")]
    [InlineData(".del", "there is no key before '.del'")]
    public void Other_names_are_rejected_with_the_reason(string name, string reason)
    {
        var error = Assert.Throws<StoreException>(() => ItemName.CheckWritable(name, name));
        Assert.Equal((StoreError.InvalidName, name), (error.Error, error.Name));
        Assert.Equal($"'{PrintableText.Escape(name)}' is not a valid name: {reason}.", error.Message);
    }

    [Theory]
    [InlineData("data/a b", "it contains a space")]
    [InlineData("data/.del", "there is no key before '.del'")]
    [InlineData("data/lost+found", "'lost+found' is a folder that file systems reserve for themselves")]
    public void A_name_that_no_store_has_cannot_be_read(string name, string reason)
    {
        Assert.False(ItemName.IsReadable(name));
        var error = Assert.Throws<StoreException>(() => ItemName.CheckReadable(name, "as given"));
        Assert.Equal((StoreError.InvalidName, $"'as given' is not a valid name: {reason}."), (error.Error, error.Message));
    }

    [Fact]
    public void The_limit_of_a_hundred_characters_includes_the_suffix_of_soft_deletion()
    {
        ItemName.CheckWritable(new string('a', 96), "name");
        var error = Assert.Throws<StoreException>(() => ItemName.CheckWritable(new string('a', 97), "name"));
        Assert.Equal("'name' is not a valid name: it has 97 characters with its nesting, more than 96.", error.Message);
        Assert.False(ItemName.IsPortable(new string('a', 97)));
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
    [InlineData(".del", true)]
    [InlineData("abc.tmp", false)]
    [InlineData("quota.hid", false)]
    [InlineData("README", false)]
    [InlineData("lost+found", false)]
    [InlineData("a/b", false)]
    [InlineData("", false)]
    public void Only_names_of_items_are_listable(string element, bool listable) => Assert.Equal(listable, ItemName.IsListable(element));

    [Theory]
    [InlineData("x.tmp", ".tmp")]
    [InlineData("x.tmp", "")]
    [InlineData("Data/A B/..x/x.tmp", ".tmp")]
    public void The_id_of_an_unfinished_value_is_a_path_below_the_store(string id, string suffix) => ItemName.CheckTemporary(id, suffix);

    [Theory]
    [InlineData("x")]
    [InlineData("x.tmp.")]
    [InlineData("")]
    [InlineData("/x.tmp")]
    [InlineData("data//x.tmp")]
    [InlineData("data/./x.tmp")]
    [InlineData("../x.tmp")]
    [InlineData("data/../x.tmp")]
    [InlineData("data/\u0000.tmp")]
    [InlineData("data/\u001f.tmp")]
    [InlineData("data/\u007f.tmp")]
    public void Any_other_id_is_rejected(string id)
    {
        var error = Assert.Throws<StoreException>(() => ItemName.CheckTemporary(id, ".tmp"));
        Assert.Equal((StoreError.InvalidName, id), (error.Error, error.Name));
        Assert.Equal($"'{PrintableText.Escape(id)}' is not the id of an unfinished value.", error.Message);
    }

    [Fact]
    public void The_id_of_an_unfinished_value_has_limited_length()
    {
        var element = new string('a', 251) + ".tmp";
        ItemName.CheckTemporary(element, ".tmp");
        Assert.Throws<StoreException>(() => ItemName.CheckTemporary("a" + element, ".tmp"));

        var path = string.Concat(Enumerable.Repeat("123456789/", 102)) + ".tmp";
        Assert.Equal(1024, path.Length);
        ItemName.CheckTemporary(path, ".tmp");
        var error = Assert.Throws<StoreException>(() => ItemName.CheckTemporary("x" + path, ".tmp"));
        Assert.Equal($"'{("x" + path)[..1024]}…' is not the id of an unfinished value.", error.Message);
        Assert.Equal("x" + path, error.Name);
    }

    [Theory]
    [InlineData("abc", true)]
    [InlineData("abc.tmp", true)]
    [InlineData("quota.hid", true)]
    [InlineData("README", false)]
    [InlineData("a\nb.tmp", false)]
    [InlineData("a/../b.hid", false)]
    public void A_store_contains_names_of_items_and_internal_files(string element, bool expected) => Assert.Equal(expected, ItemName.CanBeInStore(element));

    [Fact]
    public void A_name_too_long_for_an_item_may_be_in_a_store()
    {
        Assert.True(ItemName.CanBeInStore(new string('a', 101)));
        Assert.False(ItemName.CanBeInStore(new string('A', 101)));
        Assert.True(ItemName.CanBeInStore(new string('A', 251) + ".tmp"));
        Assert.False(ItemName.CanBeInStore(new string('A', 252) + ".tmp"));
    }
}
