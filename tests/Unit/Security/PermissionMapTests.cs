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
    [InlineData("all", """{"":"lrwWD"}""")]
    [InlineData("no-delete", """{"":"lr","archives":"lrw","cache":"lrwWD","config":"lrW","data":"lrw","index":"lrwWD","keys":"lr","locks":"lrwD","packs":"lrw"}""")]
    [InlineData("write-only", """{"":"l","archives":"lw","cache":"lrwWD","config":"lrW","data":"lw","index":"lrwWD","keys":"lr","locks":"lrwD","packs":"lw"}""")]
    [InlineData("read-only", """{"":"lr","locks":"lrwD"}""")]
    public void Presets_have_the_rights_that_Borg_gives_them(string preset, string rights)
    {
        Assert.Equal(rights, PermissionMap.Parse(preset).ToString());
        Assert.Equal(rights, PermissionMap.Parse("borgbackup-" + preset).ToString());
        Assert.Contains("borgbackup-" + preset, PermissionPresets.Names);
    }

    [Theory]
    [InlineData("Borgbackup-Read-Only")]
    [InlineData("READ-ONLY")]
    public void Names_of_presets_are_case_insensitive(string preset)
        => Assert.Equal(PermissionPresets.Get("borgbackup-read-only").Entries, PermissionMap.Parse(preset).Entries);

    [Theory]
    [InlineData("""{"":"lr","data":"lrw","locks":"lrwD"}""")]
    [InlineData("""{"config/<a>":"l","config/it's":""}""")]
    [InlineData("{}")]
    [InlineData("""{"a":"l","b":"r","c":"w","d":"W","e":"D"}""")]
    public void ToString_returns_JSON_that_can_be_parsed_again(string text) => Assert.Equal(text, PermissionMap.Parse(text).ToString());

    [Theory]
    [InlineData("lDrWw", "lrwWD")]
    [InlineData("rrl", "lr")]
    [InlineData("", "")]
    public void The_letters_of_rights_may_be_in_any_order(string letters, string sorted)
        => Assert.Equal(sorted, PermissionMap.FormatRights(PermissionMap.ParseRights(letters)));

    [Fact]
    public void A_map_may_begin_with_white_space() => Assert.Equal("""{"data":"lr"}""", PermissionMap.Parse(" \n{ \"data/\": \"rl\" }").ToString());

    [Fact]
    public void A_name_without_any_entry_has_no_rights()
    {
        var map = PermissionMap.Parse("""{"data": "lr"}""");
        Assert.Equal(AccessRights.None, map.GetRights(""));
        Assert.Equal(AccessRights.None, map.GetRights("other/x"));
        Assert.Equal(AccessRights.List | AccessRights.Read, map.GetRights("data"));
        Assert.True(map.Allows("data/x", AccessRights.Read | AccessRights.Delete));
        Assert.False(map.Allows("data/x", AccessRights.Write | AccessRights.Delete));
    }

    [Fact]
    public void Rights_below_a_directory_are_those_of_all_entries_there_and_of_none_beside_it()
    {
        var map = PermissionMap.Parse("""{"": "lr", "data": "lrw", "data/ab": "l", "database": ""}""");
        Assert.True(map.AllowsBelow("data", AccessRights.List));
        Assert.False(map.AllowsBelow("data", AccessRights.Read));
        Assert.True(map.AllowsBelow("data", AccessRights.Read | AccessRights.List));
        Assert.False(map.AllowsBelow("", AccessRights.List));
        Assert.True(map.AllowsBelow("other", AccessRights.Read));
        Assert.False(map.AllowsBelow("other", AccessRights.Write));
        Assert.True(map.DiffersBelow(""));
        Assert.True(map.DiffersBelow("data"));
        Assert.False(map.DiffersBelow("data/ab"));
        Assert.False(map.DiffersBelow("dat"));
        Assert.False(map.DiffersBelow("database"));
        Assert.False(PermissionMap.Parse("""{"": "lr"}""").DiffersBelow(""));
    }

    [Fact]
    public void A_refusal_says_which_rights_are_required()
    {
        var map = PermissionMap.Parse("""{"data": "l", "data/ab": "r"}""");
        map.ThrowIfDenied("data/x", AccessRights.List);
        map.ThrowIfDeniedBelow("data", AccessRights.List | AccessRights.Read);
        var error = Assert.Throws<StoreException>(() => map.ThrowIfDenied("data/x", AccessRights.Write | AccessRights.Delete));
        Assert.Equal((StoreError.PermissionDenied, "data/x", "the store's permissions require one of 'wD' there"), (error.Error, error.Name, error.Detail));
        error = Assert.Throws<StoreException>(() => map.ThrowIfDeniedBelow("data", AccessRights.List));
        Assert.Equal((StoreError.PermissionDenied, "data", "the store's permissions require one of 'l' there"), (error.Error, error.Name, error.Detail));
    }

    [Theory]
    [InlineData("borgbackup-nodelete", "There is no permission preset 'borgbackup-nodelete'. The presets are all, no-delete, write-only, read-only.")]
    [InlineData("""{"": "lx"}""", "'x' in the permissions 'lx' is not one of l (list), r (read), w (write new), W (overwrite), D (delete).")]
    [InlineData("""{"": """, """The permissions are neither a preset (all, no-delete, write-only, read-only) nor JSON such as {"": "lr", "locks": "lrwD"}: """)]
    public void An_invalid_map_is_explained(string text, string expected)
    {
        var error = Assert.Throws<StoreException>(() => PermissionMap.Parse(text));
        Assert.Equal(StoreError.InvalidArgument, error.Error);
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(text.StartsWith("borg", StringComparison.Ordinal) ? text : null, error.Name);
    }

    [Theory]
    [InlineData("""{"": null}""", "The entry '' of the permissions has no rights; write an empty string for none.")]
    [InlineData("""{"data": 5}""", "neither")]
    [InlineData("""{"data": "lr", "data": "lrwWD"}""", "The entry 'data' of the permissions is given twice.")]
    [InlineData("""{"data": "lr", "data/": "lrwWD"}""", "twice")]
    [InlineData("""{"\ud800": "lr"}""", "neither")]
    [InlineData("""{"Data": "lr"}""", "The entry 'Data' of the permissions matches no name: it contains the upper-case letter 'D'")]
    [InlineData("""{"data/../keys": "lr"}""", "'..'")]
    [InlineData("""{"/data": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"/": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"data//": "lr"}""", "begins or ends with '/'")]
    [InlineData("""{"data//ab": "lr"}""", "The entry 'data//ab' of the permissions matches no name: it has an element that is empty or a dot.")]
    [InlineData("""{"./data": "lr"}""", "The entry './data' of the permissions matches no name: it has an element that is empty or a dot.")]
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
        Assert.Equal("The permissions have an entry without a path.", Assert.Throws<StoreException>(() => new PermissionMap([new(null!, "lr")])).Message);
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
