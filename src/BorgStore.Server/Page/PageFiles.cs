using System.Collections.Frozen;
using System.Reflection;

namespace BorgStore.Server.Page;

/// <summary>A file of the page.</summary>
/// <param name="ContentType">Its media type.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record PageFile(string ContentType, byte[] Content);

/// <summary>The files of the page, which are embedded in the program.</summary>
internal static class PageFiles
{
    private const string ResourcePrefix = "page/";
    private const string Start = "index.html";

    private static readonly FrozenDictionary<string, PageFile> Files = LoadAll();

    /// <summary>Finds a file.</summary>
    /// <param name="name">Its name; <c>""</c> for the start page.</param>
    public static PageFile? Find(string name) => Files.GetValueOrDefault(name.Length == 0 ? Start : name);

    private static FrozenDictionary<string, PageFile> LoadAll()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .ToFrozenDictionary(name => name[ResourcePrefix.Length..], name => Load(assembly, name));
    }

    private static PageFile Load(Assembly assembly, string name)
    {
        using var resource = assembly.GetManifestResourceStream(name)!;
        var content = new byte[resource.Length];
        resource.ReadExactly(content);
        return new(GetContentType(name), content);
    }

    private static string GetContentType(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };
}
