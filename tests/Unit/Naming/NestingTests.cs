using BorgStore.Naming;
using FsCheck;
using FsCheck.Fluent;

namespace BorgStore.Tests.Naming;

public class NestingTests
{
    [Theory]
    [InlineData("ns/12345678", 0, "ns/12345678")]
    [InlineData("ns/12345678", 1, "ns/12/12345678")]
    [InlineData("ns/12345678", 2, "ns/12/34/12345678")]
    [InlineData("12345678", 2, "12/34/12345678")]
    [InlineData("a/b/12345678", 1, "a/b/12/12345678")]
    [InlineData("ns/123", 2, "ns/12/3/123")]
    [InlineData("ns/1", 2, "ns/1/1")]
    public void Keys_are_nested_like_in_the_Python_package(string name, int levels, string nested)
    {
        Assert.Equal(nested, Nesting.Nest(name, levels));
        Assert.Equal(nested + ".del", Nesting.Nest(name, levels, deleted: true));
    }

    [Theory]
    [InlineData("12345678", "12345678", 0, false)]
    [InlineData("12/34/12345678", "12345678", 2, false)]
    [InlineData("12/34/12345678.del", "12345678", 2, true)]
    [InlineData("12/12345678", "12345678", 1, false)]
    [InlineData("12/56/12345678", "12/56/12345678", 0, false)]
    [InlineData("sub/key", "sub/key", 0, false)]
    [InlineData("sub/key.del", "sub/key", 0, true)]
    [InlineData("12/3/123", "123", 2, false)]
    [InlineData(".del", "", 0, true)]
    [InlineData("12/.del", "12/", 0, true)]
    [InlineData(".del/x", ".del/x", 0, false)]
    [InlineData("/.del", "/", 0, true)]
    public void Unnest_returns_the_key_the_level_and_whether_it_is_deleted(string path, string key, int levels, bool deleted)
        => Assert.Equal((key, levels, deleted), Nesting.Unnest(path));

    [Fact]
    public void Unnest_reverses_Nest()
    {
        var names = from key in Gen.Elements("0123456789abcdef_-".ToCharArray()).ArrayOf().Where(chars => chars.Length is > 0 and < 70)
                    from levels in Gen.Choose(0, 4)
                    from deleted in Gen.Elements(true, false)
                    select (Key: new string(key), levels, deleted);
        Check.QuickThrowOnFailure(Prop.ForAll(names.ToArbitrary(), name => !Nesting.Fits(name.Key, name.levels)
            || Nesting.Unnest(Nesting.Nest(name.Key, name.levels, name.deleted)) == (name.Key, name.levels, name.deleted)));
    }
}
