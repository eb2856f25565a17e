using BorgStore.Security;

namespace BorgStore.Tests.Security;

public class PermissionMapTests
{
    [Fact]
    public void Only_the_longest_matching_path_applies()
    {
        var map = PermissionMap.Parse("""{"": "lrwWD", "data": "lr", "data/ab": "w"}""");
        Assert.True(map.Allows("", AccessRights.Delete));
        Assert.True(map.Allows("database/x", AccessRights.Delete));
        Assert.False(map.Allows("data/x", AccessRights.Delete));
        Assert.True(map.Allows("data/ab/x", AccessRights.Write));
        Assert.False(map.Allows("data/ab/x", AccessRights.Read));
        Assert.False(map.AllowsBelow("data", AccessRights.List));
        Assert.True(map.AllowsBelow("data/ac", AccessRights.List));
    }

    [Theory]
    [InlineData("borgbackup-no-delete", "packs/ab/abcd", "lrw")]
    [InlineData("borgbackup-no-delete", "index/abcd", "lrwWD")]
    [InlineData("no-delete", "data/ab/cd/abcd", "lrw")]
    [InlineData("borgbackup-write-only", "keys/x", "lr")]
    [InlineData("borgbackup-write-only", "archives/x", "lw")]
    [InlineData("borgbackup-write-only", "packs/ab/abcd", "lw")]
    [InlineData("borgbackup-no-delete", "config/config", "lrW")]
    [InlineData("borgbackup-no-delete", "cache/checked-packs", "lrwWD")]
    [InlineData("borgbackup-write-only", "cache/checked-packs", "lrwWD")]
    [InlineData("borgbackup-read-only", "cache/checked-packs", "lr")]
    [InlineData("borgbackup-read-only", "packs/ab/abcd", "lr")]
    [InlineData("borgbackup-read-only", "locks/x", "lrwD")]
    [InlineData("borgbackup-all", "anything", "lrwWD")]
    public void Presets_cover_the_namespaces_of_current_Borg_and_of_its_betas(string preset, string name, string rights)
        => Assert.Equal(rights, PermissionMap.FormatRights(PermissionMap.Parse(preset).GetRights(name)));

    [Theory]
    [InlineData("Borgbackup-Read-Only")]
    [InlineData("READ-ONLY")]
    public void Names_of_presets_are_case_insensitive(string preset)
        => Assert.Equal(PermissionPresets.Get("borgbackup-read-only").Entries, PermissionMap.Parse(preset).Entries);

    [Theory]
    [InlineData("""{"":"lr","data":"lrw","locks":"lrwD"}""")]
    [InlineData("""{"config/<a>":"l","config/it's":""}""")]
    [InlineData("{}")]
    public void ToString_returns_JSON_that_can_be_parsed_again(string text) => Assert.Equal(text, PermissionMap.Parse(text).ToString());

    [Theory]
    [InlineData("borgbackup-nodelete", "presets are all, no-delete, write-only, read-only")]
    [InlineData("""{"": "lx"}""", "'x'")]
    [InlineData("""{"": """, "neither")]
    public void An_invalid_map_is_explained(string text, string expected)
    {
        var error = Assert.Throws<StoreException>(() => PermissionMap.Parse(text));
        Assert.Equal(StoreError.InvalidArgument, error.Error);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"": null}""", "no rights")]
    [InlineData("""{"data": 5}""", "neither")]
    [InlineData("""{"data": "lr", "data": "lrwWD"}""", "twice")]
    [InlineData("""{"data": "lr", "data/": "lrwWD"}""", "twice")]
    [InlineData("""{"\ud800": "lr"}""", "neither")]
    [InlineData("""{"Data": "lr"}""", "upper-case")]
    [InlineData("""{"data/../keys": "lr"}""", "'..'")]
    [InlineData("""{"/data": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"/": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"data//": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"data//ab": "lr"}""", "empty")]
    [InlineData("""{"./data": "lr"}""", "a dot")]
    [InlineData("""{"data\u0000": "lr"}""", "control character")]
    [InlineData("""{"my data": "lr"}""", "space")]
    [InlineData("""{"d\u00e4ta": "lr"}""", "ASCII")]
    [InlineData("""{"quota.hid": "lr"}""", "internal use")]
    [InlineData("""{"data\\ab": "lr"}""", "elements are separated")]
    public void Entries_that_match_nothing_or_are_ambiguous_are_rejected(string text, string expected)
    {
        var error = Assert.Throws<StoreException>(() => PermissionMap.Parse(text));
        Assert.Equal(StoreError.InvalidArgument, error.Error);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_entries_given_as_a_dictionary_are_rejected()
    {
        foreach (var (path, letters) in new[] { ("data", null!), ("\ud800", "lr"), (new string('a', 101), "lr"), ("a\nb", "lr") })
            Assert.Equal(StoreError.InvalidArgument, Assert.Throws<StoreException>(() => new PermissionMap([new(path, letters)])).Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    [InlineData("data/")]
    [InlineData("data/ab/cd")]
    [InlineData("c:x")]
    [InlineData("data/x.del")]
    public void Entries_for_any_valid_path_are_accepted(string path)
        => Assert.Equal("lr", PermissionMap.FormatRights(new PermissionMap([new(path, "lr")]).GetRights(path.TrimEnd('/') + (path.Length > 0 ? "/x" : "x"))));
}
