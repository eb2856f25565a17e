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
    [InlineData("ns/12", int.MaxValue, "ns/12/12")]
    [InlineData("ns/", 2, "ns/")]
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
    [InlineData("1/1", "1", 1, false)]
    [InlineData("12/12", "12", 1, false)]
    [InlineData("1/12", "1/12", 0, false)]
    [InlineData("123/1234", "123/1234", 0, false)]
    [InlineData("12/34/56/1234", "12/34/56/1234", 0, false)]
    [InlineData("12/34//1234", "12/34//1234", 0, false)]
    [InlineData("x/12/1234", "x/12/1234", 0, false)]
    [InlineData(".del", "", 0, true)]
    [InlineData("12/.del", "12/", 0, true)]
    [InlineData(".del/x", ".del/x", 0, false)]
    [InlineData("/.del", "/", 0, true)]
    public void Unnest_returns_the_key_the_level_and_whether_it_is_deleted(string path, string key, int levels, bool deleted)
        => Assert.Equal((key, levels, deleted), Nesting.Unnest(path));

    [Theory]
    [InlineData("ns/1234", 2, true)]
    [InlineData("ns/123", 2, false)]
    [InlineData("1234", 2, true)]
    [InlineData("123", 2, false)]
    [InlineData("ns/", 0, true)]
    [InlineData("ns/1234", int.MaxValue, false)]
    public void A_key_fits_if_it_is_long_enough_for_all_levels(string name, int levels, bool fits) => Assert.Equal(fits, Nesting.Fits(name, levels));

    [Theory]
    [InlineData("", 0, "", null)]
    [InlineData("", 2, "", "")]
    [InlineData("1", 2, "", "1")]
    [InlineData("12", 1, "12", null)]
    [InlineData("123", 2, "12", "3")]
    [InlineData("1234567", 2, "12/34", null)]
    [InlineData("1234", 3, "12/34", "")]
    public void Keys_with_the_same_start_are_below_one_directory(string prefix, int levels, string directory, string? rest)
    {
        Assert.Equal(directory, Nesting.FindDirectory(prefix, levels, out var found));
        Assert.Equal(rest, found);
    }

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
