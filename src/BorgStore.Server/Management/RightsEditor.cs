using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using BorgStore.Server.Access;

namespace BorgStore.Server.Management;

/// <summary>Changes the rights file, and keeps it valid.</summary>
internal static class RightsEditor
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Changes a file, which need not exist yet.</summary>
    /// <param name="file">The path.</param>
    /// <param name="change">Changes the content.</param>
    public static void Update(string file, Action<JsonObject> change) => ProtectedFile.Update(file, text =>
    {
        var root = Parse(text, file);
        change(root);
        var changed = root.ToJsonString(Indented) + "\n";
        // Checked before and after, so that no change makes the file invalid.
        _ = RightsFile.Parse(changed, file);
        return changed;
    });

    /// <summary>Reads a file; a missing one has no rights.</summary>
    public static JsonObject Read(string file) => File.Exists(file) ? ReloadedFile<JsonObject>.Read(file, Parse) : [];

    /// <summary>Returns a user or token, or <see langword="null"/>.</summary>
    /// <param name="root">The content.</param>
    /// <param name="kind">The property that has them: <c>users</c> or <c>tokens</c>.</param>
    /// <param name="name">The name.</param>
    public static JsonObject? Find(JsonObject root, string kind, string name) => root[kind]?[name] as JsonObject;

    /// <summary>Adds a user or token.</summary>
    /// <param name="root">The content.</param>
    /// <param name="kind">The property that has them: <c>users</c> or <c>tokens</c>.</param>
    /// <param name="name">The name.</param>
    public static JsonObject Add(JsonObject root, string kind, string name)
    {
        if (root[kind] is not JsonObject all) root[kind] = all = [];
        var added = new JsonObject();
        all[name] = added;
        return added;
    }

    private static JsonObject Parse(string text, string file)
    {
        if (text.Trim().Length == 0) text = "{}";
        _ = RightsFile.Parse(text, file);
        return JsonNode.Parse(text)!.AsObject();
    }
}
